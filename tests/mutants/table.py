"""The seeded bugs: what each changes, and the test that must fail because of it.

A mutant is (name, what is wrong, file, [(old, new), ...], killer). Each old text stands exactly once in the file, or
the table is out of date and the test says so. A killer is a program of mutants.py's KILLERS and, after a colon, which
of its tests; with a "!" it may also fail by never ending. Of the model (./weft model) it is a case, and how it is run.
What breaks a memory order, or leads to a use after free, has a case of the model that must fail, too (" + ").
"""

MSQ, TREIBER = "queues/msq_kernel.h", "stacks/treiber_kernel.h"
KERNEL, OPS, TABLE = "hashmap/split_map_kernel.h", "hashmap/split_map_ops.h", "hashmap/split_map_table.c"
RETIRE = "weft_i_retire_busy(attempt.local, &old->hook, &weft_i_recycle[WEFT_I_SMALL], WEFT_I_SMALL_SIZE)"
FREED = "(weft_i_list_push(&attempt.local->cache[WEFT_I_SMALL], &old->hook), false)"

# Seeded inside //tests/model:kernels_test itself.
ELSEWHERE = [
    ("a hazard, or an epoch, is published with no store-load ordering: the heavy fence does nothing, or the full fence is gone", "docs/orders.md"),
    ("a named memory order is weaker than it is, each of them in turn", "docs/orders.md"),
]

# Not in the table: what no test kills in its time, and what does.
SURVIVORS = [
    ("a late thread lowers the table once more (was in Weft)", "`./weft soak --structure weft-map`, within a minute"),
    ("a late thread opens a bucket of a level that the table no longer has (was in Weft)", "`./weft soak --structure weft-map`, within a minute"),
    ("a walk begins at a bucket that is not linked, and sees an empty map", "`./weft soak --structure weft-map`, within a minute"),
]

MUTANTS = [
    # ---- queue ----
    ("msq-freed-at-once", "a dequeued node is used again at once, whoever still reads it", "queues/msq.c",
     [(RETIRE, FREED)], "parked:weft-msq* + model:queue-epoch-ends"),
    ("msq-no-second-look", "the successor's hazard is published and not validated", MSQ,
     [("if (weft_i_unlikely(weft_i_load(&queue->head, MSQ_A4) != at))", "if (0)")], "parked-asan:weft-msq (hazard) + X
    ("msq-head-passes-tail", "head is moved, and its node retired, while tail still leads to it", MSQ,
     [("if (weft_i_unlikely(at == tail)) {", "if (0) {")], "model:queue-hazard-three"),
    ("msq-chain-trusted", "a link inside a chain is taken for one that was made at tail", "queues/msq.c",
     [("weft_i_store(&last->next, node, memory_order_relaxed);",
       "weft_i_store(&last->next, weft_i_msq_link_to(node), memory_order_relaxed);")], "model:queue-hazard-many"),
    ("msq-value-read-late", "a dequeued value is read after the guard was left", "queues/msq.c",
     [("        *value = taken;\n    }\n    weft_i_msq_let_go(attempt.hold, scheme);\n    weft_i_attempt_end(attempt.hold);",
       "    }\n    weft_i_msq_let_go(attempt.hold, scheme);\n    weft_i_attempt_end(attempt.hold);\n"
       "    if (outcome == WEFT_I_DONE) {\n        weft_i_sys_yield();\n"
       "        *value = weft_i_msq_node_of(weft_i_load(&old->next, MSQ_A2))->value;\n    }")], "parked:weft-msq* + model:queue-hazard-take-take"),
    ("msq-link-overwrites", "a node is linked with a store instead of a compare-and-swap", MSQ,
     [("if (weft_i_unlikely(!weft_i_cas(&tail->next, &next, weft_i_msq_link_to(first), MSQ_R1, memory_order_relaxed)))",
       "weft_i_store(&tail->next, weft_i_msq_link_to(first), MSQ_R1);\n    if (0)")], "parked:weft-msq*"),
    ("msq-tail-not-helped", "an enqueue waits for the one that has linked a node to move the tail", MSQ,
     [("        (void)weft_i_cas(&queue->tail, &at, (void *)weft_i_msq_node_of(next), MSQ_R2, memory_order_relaxed);\n        return WEFT_I_AGAIN;",
       "        return WEFT_I_AGAIN;")], "held!:held in enqueue*"),
    ("msq-double-retire", "a node is retired twice", "queues/msq.c",
     [("        due = " + RETIRE, "        (void)%s;\n        due = %s" % (RETIRE, RETIRE))], "parked:weft-msq* + X
    ("msq-relaxed-publication", "a node is linked, and tail moved to it, without release", MSQ,
     [("#define MSQ_R1 memory_order_release", "#define MSQ_R1 memory_order_relaxed"),
      ("#define MSQ_R2 memory_order_release", "#define MSQ_R2 memory_order_relaxed")], "tsan:weft-msq* + model:queue-hazard-put-take"),
    # ---- stack ----
    ("treiber-aba", "pop does not protect the top: a recycled node comes back under the same address", TREIBER,
     [("void *top = weft_i_protect(hold, 0, &stack->top, scheme);", "void *top = weft_i_load(&stack->top, GUARD_A2);")],
     "parked-asan:weft-treiber (hazard) + model:stack-hazard-pair-take"),
    ("treiber-freed-at-once", "a popped node is used again at once", "stacks/treiber.c", [(RETIRE, FREED)],
     "parked:weft-treiber* + model:stack-hazard-aba"),
    ("treiber-lost-push", "a push that lost its race says that it is done", TREIBER,
     [("WEFT_I_DONE\n                                                                                                        : WEFT_I_LOST",
       "WEFT_I_DONE\n : WEFT_I_DONE")], "parked:weft-treiber*"),
    ("treiber-pop-overwrites", "the top is moved with a store", TREIBER,
     [("if (weft_i_unlikely(!weft_i_cas(&stack->top, &top, (void *)next, TREIBER_R2, memory_order_relaxed)))",
       "weft_i_store(&stack->top, (void *)next, TREIBER_R2);\n    if (0)")], "parked:weft-treiber*"),
    ("treiber-relaxed-publication", "a node is pushed without release", TREIBER,
     [("#define TREIBER_R1 memory_order_release", "#define TREIBER_R1 memory_order_relaxed")], "tsan:weft-treiber* + model:stack-hazard-put-take"),
    # ---- map ----
    ("map-stale-predecessor", "an insertion links at what the link says now, not at what its walk saw", OPS,
     [("    void *expected = w->at;\n    /* relaxed: the node is private until MAP_S2 */\n    weft_i_store(&node->next, w->at, memory_order_relaxed);",
       "    void *expected = weft_i_load(w->prev, MAP_S1);\n    if ((uintptr_t)expected & WEFT_I_FROZEN)\n        return false;\n"
       "    weft_i_store(&node->next, expected, memory_order_relaxed);")], "parked:weft-map*"),
    ("map-second-look", "a walk takes a smaller hash, inserted where it unlinked, for the end (was in Weft)", OPS,
     [("if (seen != WEFT_I_AT_NODE || node->hash > hash)", "if (seen != WEFT_I_AT_NODE || node->hash != hash)")],
     "parked:weft-map*"),
    ("map-not-frozen", "a removed node can still be inserted behind", OPS,
     [("void *next = weft_i_freeze(&node->next);\n    expected = w.at;",
       "void *next = weft_i_without(weft_i_load(&node->next, MAP_S1), WEFT_I_FROZEN);\n    expected = w.at;")], "parked:weft-map*"),
    ("map-marked-not-helped", "a walk steps over a dead node instead of unlinking it", KERNEL,
     [("if (weft_i_likely(!(weft_i_bits(next) & (WEFT_I_FROZEN | WEFT_I_PENDING)))) {",
       "if (weft_i_likely(!(weft_i_bits(next) & WEFT_I_PENDING)) && (!dummy || !(weft_i_bits(next) & WEFT_I_FROZEN))) {")],
     "held!:held in map remove (*"),
    ("map-retired-while-linked", "a removal that could not unlink its node retires it all the same", "hashmap/split_map.c",
     [("        weft_i_map_pass(map, node, WEFT_HAZARD);\n", "        (void)0;\n")], "parked-asan:weft-map (hazard) + model:map-hazard-large --pct 5000"),
    ("map-put-loses-update", "a value is replaced with a load and a store", OPS,
     [("done = weft_i_cas(&r.found->value, &r.value, value, MAP_S4, MAP_S3);",
       "weft_i_store(&r.found->value, value, MAP_S4), done = true;")], "parked:weft-map* + model:map-hazard-puts"),
    ("map-remove-returns-stale", "a removal empties an entry without asking what is in it", OPS,
     [("    if (weft_i_unlikely(!weft_i_cas(&node->value, &expected, NULL, MAP_S4, MAP_S3)))\n        return WEFT_I_AGAIN;\n    void *next",
       "    weft_i_store(&node->value, NULL, MAP_S4);\n    void *next")], "parked:weft-map*"),
    ("map-lookup-no-second-look", "a lookup follows a node that it has not protected", OPS,
     [("if (weft_i_unlikely(scheme == WEFT_HAZARD && weft_i_load(w->prev, MAP_S1) != w->at))", "if (0)")],
     "parked-asan:weft-map (hazard) + model:map-hazard-remove-get"),
    ("map-dummy-in-wrong-place", "a bucket is linked behind the first entry of its interval: a split skips a node", TABLE,
     [("    uint64_t start = weft_i_start_of(place.level, place.offset);\n    if (!weft_i_cas(&bucket->link, &link,",
       "    uint64_t start = weft_i_start_of(place.level, place.offset) + ((uint64_t)1 << (61 - place.level));\n    if (!weft_i_cas(&bucket->link, &link,")],
     "parked:weft-map*"),
    ("map-shrink-frees-live-bucket", "a segment is retired with buckets that are still linked", TABLE,
     [("    (void)weft_i_walk_to(&w, map, hold, start, level - 1, scheme); /* cannot miss it, and unlinks it */",
       "    (void)w, (void)start, (void)level;")], "parked-asan:weft-map* + model:map-epoch-shrink-grow"),
    ("map-shrink-ignores-pending", "a bucket is closed while a thread is linking it", TABLE,
     [("        if (weft_i_bits(link) & WEFT_I_PENDING)\n            return false;\n", "")], "parked-asan:weft-map* + model:map-hazard-shrink-open"),
    ("map-bucket-overwrites", "a bucket is linked with a store: insertions at its parent are lost", TABLE,
     [("    } while (!weft_i_cas(w.prev, &expected, weft_i_link(bucket, WEFT_I_DUMMY), MAP_S2, MAP_S1));",
       "        weft_i_store(w.prev, weft_i_link(bucket, WEFT_I_DUMMY), MAP_S2), (void)expected;\n    } while (0);")], "parked:weft-map*"),
    ("map-size-drifts", "removals are not counted", "hashmap/split_map.c",
     [("weft_i_map_count(map, (size_t)0 - 1)", "weft_i_map_count(map, 0)")], "parked:weft-map*"),
    ("map-iteration-repeats", "an iteration forgets which entry it gave last", OPS,
     [("it->seen = node->hash == it->hash ? it->seen + 1 : 1;", "it->seen = 0;")], "parked:weft-map*"),
    ("map-iteration-skips", "an iteration steps over every entry behind the first of its bucket", OPS,
     [("        weft_i_walk_on(&w, &node->next);\n        seen = weft_i_walk_look(&w, scheme);\n    }\n    return NULL;",
       "        weft_i_walk_on(&w, &node->next);\n        it->hash = skip ? it->hash : UINT64_MAX;\n        seen = weft_i_walk_look(&w, scheme);\n    }\n    return NULL;")],
     "parked:weft-map*"),
    ("map-destructor-twice", "an entry's destructor runs twice", "hashmap/split_map_kinds.c",
     [("    weft_i_map_destroy_parts(&kinds->config, node->key, has_key, node->dead);",
       "    weft_i_map_destroy_parts(&kinds->config, node->key, has_key, node->dead);\n"
       "    weft_i_map_destroy_parts(&kinds->config, node->key, has_key, node->dead);")], "unit-owner:"),
    ("map-hash-with-one-step", "the integer hash leaves dense keys in clusters (was in Weft)", KERNEL,
     [("return (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15);", "return h;")], "unit-hash:"),
    # ---- reclamation ----
    ("hazard-not-validated", "a hazard is published and what it protects not looked at again", "reclaim/guard.h",
     [("        if (weft_i_likely(again == pointer))\n            return pointer;", "        if (again)\n            return pointer;")],
     "parked-asan:weft-treiber (hazard) + model:cell-hazard-swap-look"),
    ("hazard-word-missed", "scans look at two of a guard's three words", "reclaim/scan.c",
     [("    for (int i = 0; i < WEFT_I_WORDS; i++) {\n        uintptr_t address", "    for (int i = 0; i < WEFT_I_WORDS - 1; i++) {\n        uintptr_t address")],
     "parked-asan:weft-map (hazard) + model:map-hazard-remove-get"),
    ("hazard-filter-wrong", "the scan's filter forgets hazards", "reclaim/scan.c",
     [("s->words.bloom[bit / 64] |= (uint64_t)1 << (bit % 64);", "s->words.bloom[bit / 64] = (uint64_t)1 << (bit % 64);")],
     "parked-asan:weft-*(hazard) + model:queue-hazard-fences"),
    ("operation-slot-missed", "scans do not look at the slots of operations", "reclaim/scan.c",
     [("        for (int i = OPERATION, open = weft_i_record_slots(r); i < open; i++)\n            gather",
       "        for (int i = 0, open = weft_i_record_slots(r); i < open; i++)\n            gather")], "parked:weft-* (hazard) + model:stack-hazard-pair-take"),
    ("epoch-one-early", "a batch is reclaimed one epoch too early", "reclaim/scan.c",
     [("before(local->sealed[done].epoch, o.epoch)))", "!before(o.epoch, local->sealed[done].epoch)))")], "parked:weft-* (epoch) + model:cell-epoch-refused"),
    ("epoch-not-published", "a lookup reads without its epoch published", "reclaim/local.h",
     [("    weft_i_store(&hold.slot->domain, (void *)domain, GUARD_R1);\n    if (scheme == WEFT_EPOCH)\n        weft_i_publish_epoch(hold, domain);\n    return hold;\n}\n\n/* It has",
       "    weft_i_store(&hold.slot->domain, (void *)domain, GUARD_R1);\n    return hold;\n}\n\n/* It has")], "parked-asan:weft-map (epoch) + model:map-epoch-remove-get"),
    ("exit-drops-retired", "a thread's end forgets what it had retired", "reclaim/local.c",
     [("    weft_i_push_orphans(domain, &waiting);\n    weft_i_trim(local);\n    local->owner", "    weft_i_trim(local);\n    local->owner")],
     "unit-thread: + model:cell-hazard-ends"),
    ("exit-leaves-callback-open", "a callback that ends its thread hangs barriers (was in Weft)", "reclaim/drain.c",
     [("    weft_i_store(&local->callbacks, 0, CALLBACK_R1);", "    (void)local;")], "ended!:*callback*"),
    ("barrier-returns-early", "a barrier does not wait for callbacks that run", "reclaim/domain.c",
     [("&& callbacks_over(domain))", "&& (callbacks_over(domain) || true))")], "unit-barrier: + model:cell-hazard-barrier-callback"),
    ("nested-guard-shares-slot", "a nested guard takes a slot that is in use", "reclaim/guard.c",
     [("weft_i_store(&thread->free, free & (free - 1), memory_order_relaxed);", "(void)0;")], "unit-nested: + model:cell-hazard-linked"),
    ("domain-destroyed-in-use", "a domain can be destroyed while guards are held", "reclaim/domain.c",
     [(" || weft_i_guards_held(domain, 0))\n        return -EBUSY;\n    weft_i_bags all", ")\n        return -EBUSY;\n    weft_i_bags all")],
     "unit-domain: + model:cell-hazard-destroy"),
    ("range-end-missed", "a hazard inside an object does not hold it back", "reclaim/scan.c",
     [("start + (size ? size : 1));", "start + 1);")], "unit-guard: + model:cell-hazard-hook-look"),
    ("no-memory-unnoticed", "enqueue says that it is done when there was no memory", "queues/msq.c",
     [("return node ? link_slow(queue, node, WEFT_I_AGAIN) : -ENOMEM;", "return node ? link_slow(queue, node, WEFT_I_AGAIN) : 0;")],
     "oom:"),
    # ---- the checkers themselves ----
    ("checker-queue-order", "the queue checker forgets the latest dequeue", "tests/linear/fifo.c",
     [("if (!latest || item[before].out_call > latest->out_call)", "if (!latest)")], "checkers:"),
    ("checker-empty", "an answer of \"empty\" is believed", "tests/linear/item.c",
     [("if (low > 0 && empty->ret < spans[low - 1].to) {", "if (0) {")], "checkers:"),
    ("checker-stack-bottom", "the stack checker takes any open value for the lowest", "tests/linear/lifo.c",
     [(" || v->out_return < right)", ")")], "checkers:"),
    ("checker-map-set", "the map checker's set loses configurations (was in Weft)", "tests/linear/table.c",
     [("        s->slot[at] = 0;\n        s->count--;", "        s->count--;\n        s->slot[hash_of(&s->at[s->count]) % s->slots] = 0;")], "checkers!:"),
    ("checker-iteration", "iterations are not compared with what was there", "tests/linear/iterate.c",
     [("++*certain && s->times == 0)", "++*certain && s->times == 9)")], "parked:*none*"),
]
