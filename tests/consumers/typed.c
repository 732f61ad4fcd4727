/* Typed views: every function of each, and (with -DWRONG) what must not compile. */
#include <stdio.h>
#include <string.h>
#include <weft/hashmap/split_map.h>
#include <weft/hashmap/table.h>
#include <weft/queues/deque.h>
#include <weft/queues/mailbox.h>
#include <weft/queues/msq.h>
#include <weft/queues/ring.h>
#include <weft/queues/segq.h>
#include <weft/queues/spsc.h>
#include <weft/stacks/treiber.h>

struct order {
    int amount;
};

struct letter {
    int number;
    weft_mail mail;
};

enum colour { RED, GREEN };

WEFT_MSQ_OF(order_queue, struct order *);
WEFT_MSQ_OF(number_queue, short);
WEFT_SEGQ_OF(letter_queue, char);
WEFT_DEQUE_OF(job_deque, struct order *);
WEFT_MAILBOX_OF(inbox, struct letter, mail);
WEFT_SPSC_OF(order_ring, struct order);
WEFT_RING_OF(job_ring, struct order);
WEFT_SPSC_OF(name_ring, const char *);
WEFT_RING_OF(newest_names, const char *);
WEFT_TREIBER_OF(name_stack, const char *);
WEFT_MAP_OF(price_map, const char *, struct order *);
WEFT_MAP_OF(colour_map, enum colour, unsigned);
WEFT_TABLE_OF(order_table, struct order *);
WEFT_TABLE_OF(number_table, short);

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

static void sum(struct order *order, void *ctx)
{
    *(int *)ctx += order->amount;
}

static void count(const char *name, void *ctx)
{
    *(size_t *)ctx += strlen(name);
}

static void sum_entry(const char *key, struct order *order, void *ctx)
{
    (void)key;
    sum(order, ctx);
}

static void sum_numbered(uint64_t key, struct order *order, void *ctx)
{
    *(int *)ctx += (int)key * order->amount;
}

static int queues_and_stacks(void)
{
    struct order one = {1}, two = {2}, *got = NULL;
    order_queue *queue;
    number_queue *numbers;
    name_stack *names;
    short number;
    const char *name;
    int total = 0;
    size_t letters = 0;
    REQUIRE(order_queue_create(NULL, NULL) == -22 && order_queue_create(&queue, NULL) == 0 &&
            order_queue_is_empty(queue));
    REQUIRE(order_queue_enqueue(queue, &one) == 0 && order_queue_enqueue(queue, &two) == 0);
    REQUIRE(order_queue_try_dequeue(queue, &got) && got == &one && !order_queue_try_dequeue(queue, NULL));
    REQUIRE(!weft_msq_is_empty(order_queue_untyped(queue)));
    order_queue_destroy(queue, sum, &total);
    REQUIRE(total == 2);
    REQUIRE(number_queue_create(&numbers, NULL) == 0 && number_queue_enqueue(numbers, -5) == 0);
    REQUIRE(number_queue_try_dequeue(numbers, &number) && number == -5);
    number_queue_destroy(numbers, NULL, NULL);
    REQUIRE(name_stack_create(&names, NULL) == 0 && name_stack_push(names, "below") == 0 &&
            name_stack_push(names, "top") == 0);
    REQUIRE(name_stack_try_pop(names, &name) && strcmp(name, "top") == 0 && !name_stack_is_empty(names));
    REQUIRE(name_stack_pop_all(names, count, &letters) == 1 && letters == 5 &&
            name_stack_pop_all(names, NULL, NULL) == 0);
    name_stack_destroy(names, NULL, NULL);
    letter_queue *word;
    char letter;
    REQUIRE(letter_queue_create(&word, NULL) == 0 && letter_queue_enqueue(word, 'w') == 0 &&
            !letter_queue_is_closed(word));
    letter_queue_close(word);
    REQUIRE(letter_queue_enqueue(word, 'e') == -32 && letter_queue_is_closed(word));
    REQUIRE(letter_queue_try_dequeue(word, &letter) && letter == 'w' && letter_queue_is_empty(word));
    letter_queue_destroy(word, NULL, NULL);
    return 0;
}

static void add(struct letter *letter, void *ctx)
{
    *(int *)ctx += letter->number;
}

static int mailboxes(void)
{
    struct letter one = {.number = 1}, two = {.number = 2};
    inbox *box;
    int total = 0;
    REQUIRE(inbox_create(NULL) == -22 && inbox_create(&box) == 0 && inbox_take(box) == NULL && inbox_arm(box));
    REQUIRE(inbox_push(box, &one) && !inbox_push(box, &two) && !inbox_push(box, NULL) && !inbox_arm(box));
    REQUIRE(inbox_take(box) == &one && !weft_mailbox_push(inbox_untyped(box), &one.mail));
    inbox_destroy(box, add, &total);
    REQUIRE(total == 3);
    return 0;
}

static int deques(void)
{
    struct order some[] = {{1}, {2}, {4}, {8}}, *got;
    job_deque *mine, *other;
    int total = 0;
    REQUIRE(job_deque_create(NULL, NULL) == -22 && job_deque_create(&mine, NULL) == 0 &&
            job_deque_create(&other, NULL) == 0);
    for (int i = 0; i < 4; i++)
        REQUIRE(job_deque_push(mine, &some[i]) == 0);
    REQUIRE(job_deque_try_pop(mine, &got) && got == &some[3] && job_deque_try_steal(mine, &got) && got == &some[0]);
    REQUIRE(!job_deque_try_pop(mine, NULL) && !job_deque_try_steal(mine, NULL) &&
            job_deque_steal_half(mine, other) == 1);
    job_deque_destroy(mine, sum, &total);
    REQUIRE(total == 4 && weft_deque_push(job_deque_untyped(other), &some[0]) == 0);
    job_deque_destroy(other, sum, &total);
    REQUIRE(total == 7);
    return 0;
}

static int rings(void)
{
    struct order some[] = {{1}, {2}, {3}}, *span;
    const struct order *seen;
    order_ring *ring;
    REQUIRE(order_ring_create(NULL, 4, 0) == -22 && order_ring_create(&ring, 4, 0) == 0);
    REQUIRE(order_ring_try_push(ring, &some[1]) && order_ring_try_pop(ring, &some[0]) && some[0].amount == 2);
    REQUIRE(order_ring_push_many(ring, some, 2) == 2 && order_ring_pop_many(ring, some + 1, 2) == 2);
    REQUIRE(order_ring_reserve(ring, 1, &span) == 1 && order_ring_reserve(ring, 1, NULL) == 0);
    span->amount = 7;
    order_ring_commit(ring, 1);
    REQUIRE(order_ring_peek(ring, 4, &seen) == 1 && seen->amount == 7 && order_ring_peek(ring, 4, NULL) == 0);
    REQUIRE(order_ring_size(ring) == 1 && order_ring_capacity(ring) == 4);
    order_ring_release(ring, 1);
    REQUIRE(weft_spsc_size(order_ring_untyped(ring)) == 0);
    order_ring_destroy(ring);
    return 0;
}

static int rings_of_names(void)
{
    const char *name = "a", *const * seen;
    name_ring *ring;
    newest_names *newest;
    REQUIRE(name_ring_create(&ring, 2, 0) == 0 && name_ring_try_push(ring, &name));
    REQUIRE(name_ring_peek(ring, 1, &seen) == 1 && *seen == name);
    REQUIRE(newest_names_create(&newest, 2, 0) == 0 && !newest_names_force_push(newest, seen, NULL));
    REQUIRE(newest_names_push_many(newest, seen, 1) == 1);
    name_ring_destroy(ring);
    newest_names_destroy(newest);
    return 0;
}

static int shared_rings(void)
{
    struct order some[] = {{1}, {2}, {3}}, *slot, *other;
    job_ring *ring;
    REQUIRE(job_ring_create(NULL, 2, 0) == -22 && job_ring_create(&ring, 2, WEFT_RING_ONE_PRODUCER) == 0);
    REQUIRE(job_ring_try_push(ring, &some[1]) && job_ring_try_pop(ring, &some[0]) && some[0].amount == 2);
    REQUIRE(job_ring_push_many(ring, some, 3) == 2 && job_ring_force_push(ring, &some[2], &some[1]));
    REQUIRE(some[1].amount == 2 && job_ring_pop_many(ring, some, 1) == 1 && !job_ring_force_push(ring, &some[2], NULL));
    slot = job_ring_take(ring);
    REQUIRE(slot && slot->amount == 3 && job_ring_size(ring) == 1 && job_ring_capacity(ring) == 2);
    job_ring_give_back(ring, slot);
    slot = job_ring_reserve(ring);
    REQUIRE(slot && job_ring_reserve(ring) == NULL);
    slot->amount = 7;
    job_ring_commit(ring, slot);
    REQUIRE(job_ring_try_pop(ring, &some[0]) && (other = job_ring_reserve(ring)) != NULL);
    job_ring_abort(ring, other);
    REQUIRE(job_ring_try_pop(ring, &some[0]) && some[0].amount == 7 && weft_ring_size(job_ring_untyped(ring)) == 0);
    job_ring_destroy(ring);
    return 0;
}

static int maps(void)
{
    struct order one = {1}, two = {2}, *got = NULL;
    price_map *prices;
    colour_map *colours;
    weft_map_iterator at;
    const char *key;
    enum colour colour;
    const enum colour each[] = {RED, GREEN};
    unsigned value, values[2] = {1, 1}, seen = 0;
    int total = 0;
    REQUIRE(price_map_create(&prices, NULL, &weft_map_strings) == 0 && price_map_insert(prices, "a", &one) == 0);
    REQUIRE(price_map_put(prices, "a", &two, &got) == 1 && got == &one && price_map_get(prices, NULL, "a") == &two);
    REQUIRE(price_map_get_or_insert(prices, NULL, "a", &one, &got) == 1 && got == &two &&
            price_map_contains(prices, "a"));
    REQUIRE(price_map_compare_and_replace(prices, "a", &two, &one) == 0 && price_map_size(prices) == 1);
    price_map_iterate(&at, prices);
    while (price_map_next(&at, &key, &got))
        REQUIRE(strcmp(key, "a") == 0 && got == &one);
    price_map_iterate_end(&at);
    REQUIRE(price_map_insert(prices, "c", &two) == 0 && price_map_compare_and_remove(prices, "c", &two) == 0);
    REQUIRE(price_map_remove(prices, "a", &got) && got == &one && !price_map_remove(prices, "a", NULL));
    REQUIRE(price_map_insert(prices, "b", &two) == 0);
    price_map_destroy(prices, sum_entry, &total);
    REQUIRE(total == 2);
    REQUIRE(colour_map_create(&colours, NULL, NULL) == 0 && colour_map_insert(colours, GREEN, 7) == 0);
    REQUIRE(colour_map_reserve(colours, 100) == 0 && colour_map_get_many(colours, NULL, each, values, 2) == 1);
    REQUIRE(values[0] == 0 && values[1] == 7);
    colour_map_iterate(&at, colours);
    while (colour_map_next(&at, &colour, &value))
        seen += colour == GREEN && value == 7;
    colour_map_iterate_end(&at);
    colour_map_clear(colours);
    REQUIRE(seen == 1 && colour_map_size(colours) == 0 && weft_map_size(colour_map_untyped(colours)) == 0);
    colour_map_destroy(colours, NULL, NULL);
    return 0;
}

static int tables(void)
{
    struct order one = {1}, two = {2}, *got = NULL;
    order_table *orders;
    number_table *numbers;
    weft_table_iterator at;
    const uint64_t each[] = {8, UINT64_MAX};
    uint64_t key;
    short value, values[2] = {1, 1};
    int total = 0, seen = 0;
    REQUIRE(order_table_create(NULL, NULL, NULL) == -22 && order_table_create(&orders, NULL, NULL) == 0);
    REQUIRE(order_table_insert(orders, 7, &one) == 0 && order_table_put(orders, 7, &two, &got) == 1 && got == &one);
    REQUIRE(order_table_get(orders, NULL, 7) == &two && order_table_contains(orders, 7));
    REQUIRE(order_table_get_or_insert(orders, NULL, 7, &one, &got) == 1 && got == &two);
    REQUIRE(order_table_compare_and_replace(orders, 7, &two, &one) == 0 && order_table_size(orders) == 1);
    order_table_iterate(&at, orders);
    while (order_table_next(&at, &key, &got))
        REQUIRE(key == 7 && got == &one);
    order_table_iterate_end(&at);
    REQUIRE(order_table_insert(orders, 8, &two) == 0 && order_table_compare_and_remove(orders, 8, &two) == 0);
    REQUIRE(order_table_remove(orders, 7, &got) && got == &one && !order_table_remove(orders, 7, NULL));
    REQUIRE(order_table_insert(orders, 9, &two) == 0);
    order_table_destroy(orders, sum_numbered, &total);
    REQUIRE(total == 18);
    REQUIRE(number_table_create(&numbers, NULL, NULL) == 0 && number_table_insert(numbers, UINT64_MAX, -5) == 0);
    REQUIRE(number_table_reserve(numbers, 100) == 0 && number_table_get_many(numbers, NULL, each, values, 2) == 1);
    REQUIRE(values[0] == 0 && values[1] == -5);
    number_table_iterate(&at, numbers);
    while (number_table_next(&at, &key, &value))
        seen += key == UINT64_MAX && value == -5;
    number_table_iterate_end(&at);
    number_table_clear(numbers);
    REQUIRE(seen == 1 && number_table_size(numbers) == 0 && weft_table_size(number_table_untyped(numbers)) == 0);
    number_table_destroy(numbers, NULL, NULL);
    return 0;
}

#if WRONG == 1
int wrong(order_queue *queue, int *other)
{
    return order_queue_enqueue(queue, other);
}
#elif WRONG == 2
bool wrong(order_queue *queue, char **value)
{
    return order_queue_try_dequeue(queue, value);
}
#elif WRONG == 3
WEFT_MSQ_OF(wide_queue, long double);
#elif WRONG == 4
WEFT_MSQ_OF(float_queue, float);
#elif WRONG == 5
int wrong(number_queue *queue, struct order *order)
{
    return order_queue_enqueue(queue, order);
}
#elif WRONG == 6
WEFT_TREIBER_OF(struct_stack, struct order);
#elif WRONG == 7
bool wrong(order_ring *ring, int *other)
{
    return order_ring_try_push(ring, other);
}
#elif WRONG == 8
bool wrong(inbox *box, struct order *other)
{
    return inbox_push(box, other);
}
#elif WRONG == 9
int wrong(job_deque *deque, int *other)
{
    return job_deque_push(deque, other);
}
#elif WRONG == 10
void wrong(job_ring *ring, int *other)
{
    job_ring_give_back(ring, other);
}
#elif WRONG == 11
int wrong(order_table *table, int *other)
{
    return order_table_insert(table, 1, other);
}
#endif

int main(void)
{
    if (queues_and_stacks() != 0 || deques() != 0 || mailboxes() != 0 || rings() != 0 || rings_of_names() != 0 ||
        shared_rings() != 0 || maps() != 0 || tables() != 0)
        return 1;
    puts("typed");
    return 0;
}
