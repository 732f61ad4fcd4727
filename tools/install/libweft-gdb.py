"""gdb's printers for Weft's objects: `print *queue` shows the values, `print *map` the entries and the load, `print *domain` what is
retired and not yet reclaimed, and which threads hold guards. All threads must be stopped; no function of the program is called.
"""

import gdb
import gdb.printing

DUMMY, LINK_BITS = 2, 7


def address(value):
    """The address in an atomic pointer, or in a plain one."""
    return int(value) & (1 << 64) - 1


def at(pointer, type_name):
    return gdb.Value(pointer).cast(gdb.lookup_type(type_name).pointer()).dereference()


def void(pointer):
    return gdb.Value(pointer).cast(gdb.lookup_type("void").pointer())


def word(value):
    return int(value.cast(gdb.lookup_type("unsigned long")))


def wide(value):
    return int(value.cast(gdb.lookup_type("unsigned long long")))


def scheme(domain):
    return "epochs" if int(domain["head"]["scheme"]) == 2 else "hazard pointers"


class Values:
    """Queues and stacks: the values in the order in which they would be taken."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return "%s under %s, %s" % (self.NAME, scheme(self.value["domain"].dereference()), self.ORDER)

    def children(self):
        return (("[%d]" % i, value) for i, value in enumerate(self.values()))

    def display_hint(self):
        return "array"


class Queue(Values):
    NAME, ORDER = "weft_msq", "oldest first"

    def values(self):
        node = at(address(self.value["head"]), "weft_i_msq_node")
        while address(node["next"]) & ~1:
            node = at(address(node["next"]) & ~1, "weft_i_msq_node")
            yield node["value"]


class Elements(Values):
    """Rings: elements of 1, 2, 4 and 8 bytes as numbers, others as bytes."""

    def to_string(self):
        return "%s of %d elements of %d bytes, oldest first" % (self.NAME, word(self.value["capacity"]), word(self.value["element_size"]))

    def values(self):
        size = word(self.value["element_size"])
        for element in self.addresses():
            content = bytes(gdb.selected_inferior().read_memory(element, size))
            yield gdb.Value(int.from_bytes(content, "little") if size in (1, 2, 4, 8) else content.hex(" "))


class PairRing(Elements):
    NAME = "weft_spsc"

    def addresses(self):
        stride, all_bytes = (word(self.value[name]) for name in ("stride", "bytes"))
        first = int(self.value.address) + word(self.value["first"])
        head, tail = (word(self.value[name]) for name in ("head", "tail"))
        offset, left = head >> 1, (tail >> 1) - (head >> 1) + (all_bytes if (head ^ tail) & 1 else 0)
        for _ in range(left // stride):
            yield first + offset
            offset = (offset + stride) % all_bytes


class Ring(Elements):
    NAME = "weft_ring"

    def addresses(self):
        capacity, size, unit, slots = (word(self.value[name]) for name in ("capacity", "element_size", "unit", "slots"))
        position = word(self.value["head"])

        def turns_ahead():
            entry = word(self.value["entry"][position % unit])
            return ((entry // unit - position // unit) + (1 << 63) // unit) % ((1 << 64) // unit) - (1 << 63) // unit, entry % unit

        def after():
            return position + 1 if position % unit < capacity - 1 else (position - position % unit + 2 * unit) & (1 << 64) - 1

        ahead, slot = turns_ahead()
        while ahead > 1:  # emptied, and head has not been moved yet
            position = after()
            ahead, slot = turns_ahead()
        while ahead == 1:
            yield slots + slot * size
            position = after()
            ahead, slot = turns_ahead()


class Mailbox(Values):
    def to_string(self):
        return "weft_mailbox, oldest first" + (", armed" if address(self.value["head"]) == 1 else "")

    def values(self):
        mail = address(self.value["oldest"])
        while mail:
            yield gdb.Value(mail).cast(gdb.lookup_type("weft_mail").pointer())
            mail = address(at(mail, "weft_mail")["weft_i_next"])
        newest, mail = [], address(self.value["head"]) & ~1
        while mail:
            newest.append(mail)
            mail = address(at(mail, "weft_mail")["weft_i_next"])
        for mail in reversed(newest):
            yield gdb.Value(mail).cast(gdb.lookup_type("weft_mail").pointer())


class Deque(Values):
    NAME, ORDER = "weft_deque", "oldest first"

    def values(self):
        array = at(address(self.value["array"]), "weft_i_deque_array")
        index, bottom, size = word(self.value["top"]), word(self.value["bottom"]), word(array["size"])
        while index != bottom:
            yield void(address(array["cell"][index & (size - 1)]))
            index = (index + 1) & (1 << 64) - 1


class SegmentQueue(Values):
    NAME, ORDER = "weft_segq", "oldest first"

    def to_string(self):
        closed = address(at(address(self.value["tail"]), "weft_i_segq_segment")["next"]) == 1
        return super().to_string() + (", closed" if closed else "")

    def values(self):
        pointer = address(self.value["head"])
        while pointer > 1:  # 1: the end of a closed queue
            segment = at(pointer, "weft_i_segq_segment")
            _, last = segment["cell"].type.range()
            for i in range(word(segment["taken"]), last + 1):
                value = address(segment["cell"][i * 17 % (last + 1)])
                if value | 1 != pointer | 1:
                    yield void(value)
            pointer = address(segment["next"])


class Stack(Values):
    NAME, ORDER = "weft_treiber", "from the top down"

    def values(self):
        pointer = address(self.value["top"])
        while pointer:
            node = at(pointer, "weft_i_treiber_node")
            yield node["value"]
            pointer = address(node["next"])


class Map:
    """weft_map, in the order of the hashes. With the ready-made string configuration, keys are shown as strings."""

    def __init__(self, value):
        self.value = value

    def entries(self):
        link = address(self.value["base"][0]["link"])
        while link & ~LINK_BITS:
            if link & DUMMY:
                link = address(at(link & ~LINK_BITS, "weft_i_map_bucket")["link"])
                continue
            node = at(link & ~LINK_BITS, "weft_i_map_node")
            if address(node["value"]):
                yield node["key"], void(address(node["value"]))
            link = address(node["next"])

    def key(self, key):
        hasher = str(self.value["hash"])
        return key.cast(gdb.lookup_type("char").pointer()) if "hash_string" in hasher else key

    def to_string(self):
        stripes = self.value["stripe"]
        first, last = stripes.type.range()
        size = sum(word(stripes[i]["size"]) for i in range(first, last + 1)) & (1 << 64) - 1
        buckets = 1 << (word(self.value["table"]) & 255)
        return "weft_map under %s, %d entries in %d buckets, load %.2f" % (
            scheme(self.value["domain"].dereference()), size, buckets, size / buckets)

    def children(self):
        for i, (key, value) in enumerate(self.entries()):
            yield "[%d].key" % i, self.key(key)
            yield "[%d].value" % i, value

    def display_hint(self):
        return "map"


class Table(Map):
    """weft_table, bucket by bucket. While it grows or shrinks, some entries are in the next array already."""

    VIRGIN, FROZEN, MOVED = 0, 3, 4  # of a bucket
    LIVE = 2  # of a slot
    FACTOR_INVERSE = 0xf1de83e19937733d  # WEFT_I_TABLE_FACTOR_INVERSE

    def array(self):
        return at(address(self.value["array"]), "weft_i_table_array")

    @staticmethod
    def slots(bucket):
        """Those that are LIVE: (mixed key, value)"""
        head, index, pointer = wide(bucket["head"]) >> 3, 0, address(bucket["more"])
        holder = bucket
        while True:
            first, last = holder["slot"].type.range()
            for i in range(first, last + 1):
                if head >> 2 * index & 3 == Table.LIVE:
                    yield wide(holder["slot"][i]["key"]), void(address(holder["slot"][i]["value"]))
                index += 1
            if pointer <= 1:  # 1: the chain of a bucket that is moved
                return
            holder = at(pointer, "weft_i_table_node")
            pointer = address(holder["next"])

    @staticmethod
    def buckets(array):
        """Those with entries: (mode, bucket)"""
        for i in range(1 << 64 - int(array["shift"])):
            mode = wide(array["bucket"][i]["head"]) & 7
            if mode not in (Table.VIRGIN, Table.MOVED):
                yield mode, array["bucket"][i]

    def unmixed(self, mixed):
        h = mixed * self.FACTOR_INVERSE & (1 << 64) - 1
        return ((h ^ h >> 32) * int(self.value["inverse"]) & (1 << 64) - 1) ^ int(self.value["seed"]["k0"])

    def entries(self):
        for _, value in self.slots(self.value["zero"]):
            yield self.unmixed(0), value
        array = self.array()
        pointer = address(array["next"])
        takes_over = at(pointer, "weft_i_table_array") if pointer else None
        for mode, bucket in self.buckets(array):
            for mixed, value in self.slots(bucket):
                if mode != self.FROZEN or wide(takes_over["bucket"][mixed >> int(takes_over["shift"])]["head"]) & 7 == self.VIRGIN:
                    yield self.unmixed(mixed), value
        for _, bucket in self.buckets(takes_over) if pointer else ():
            for mixed, value in self.slots(bucket):
                yield self.unmixed(mixed), value

    def key(self, key):
        return gdb.Value(key).cast(gdb.lookup_type("unsigned long long"))

    def to_string(self):
        size, pointer = word(self.value["first"]["size"]), address(self.value["stripes"])
        if pointer:
            stripes = at(pointer, "weft_i_table_stripes")["of"]
            first, last = stripes.type.range()
            size += sum(word(stripes[i]["it"]["size"]) for i in range(first, last + 1))
        size, buckets = size & (1 << 64) - 1, 1 << 64 - int(self.array()["shift"])
        return "weft_table under %s, %d entries in %d buckets, load %.2f" % (
            scheme(self.value["domain"].dereference()), size, buckets, size / buckets)


def records():
    """The records of all threads that have used the library."""
    for name in ("records", "weft_i_own_record_records"):  # the second in the single header
        for symbol in gdb.lookup_static_symbols(name):
            if "weft_i_record" in str(symbol.type):
                pointer = address(symbol.value())
                while pointer:
                    record = at(pointer, "weft_i_record")
                    yield record
                    pointer = address(record["next"])


def held(words, under_epochs):
    found = [address(words["word"][i]) for i in range(1 if under_epochs else 3)]
    if under_epochs:
        return "epoch %d" % found[0]
    return "protects " + ", ".join("0x%x" % pointer for pointer in found if pointer) if any(found) else "protects nothing"


class Domain:
    def __init__(self, value):
        self.value = value

    def locals(self):
        yield self.value["shared"]
        pointer = address(self.value["locals"])
        while pointer:
            local = at(pointer, "weft_i_local")
            yield local
            pointer = address(local["next"])

    def guards(self):
        """(thread's id, what its guard holds)"""
        here, epochs = address(self.value.address), int(self.value["head"]["scheme"]) == 2
        for record in records():
            thread = record["thread"]
            slots = [thread["slot"][i] for i in range(int(record["open"]))] + [record["operation"]]
            for slot in slots:
                if address(slot["domain"]) == here:
                    yield int(thread["thread_id"]), held(slot["words"], epochs)
        pointer = address(self.value["linked"])
        while pointer:
            guard = at(pointer, "weft_guard")
            yield int(guard["own_thread"]), held(guard["own"]["words"], epochs)
            pointer = address(guard["next"])

    def to_string(self):
        retired = sum(word(l["counters"]["granted"]) - word(l["room"]) for l in self.locals())
        reclaimed = sum(word(l["counters"]["reclaimed"]) for l in self.locals())
        pending = (retired - reclaimed) & (1 << 64) - 1
        return "weft_domain of %s, %d objects pending" % (scheme(self.value), pending)

    def children(self):
        for i, (thread, what) in enumerate(self.guards()):
            yield "guard %d" % i, "thread %d, %s" % (thread, what)


class Guard:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        pointer = address(self.value["slot"])
        if not pointer:
            return "weft_guard, left"
        return "weft_guard, " + held(at(pointer & ~1, "weft_i_slot")["words"], pointer & 1)


class Unknown:
    """For a library without debugging information."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return "%s: install libweft0-dbgsym, or a libweft that is not stripped, to look inside" % self.value.type.strip_typedefs().tag


def known(printer):
    return lambda value: printer(value) if value.type.strip_typedefs().fields() else Unknown(value)


def printers():
    made = gdb.printing.RegexpCollectionPrettyPrinter("weft")
    for name, printer in (("msq", Queue), ("segq", SegmentQueue), ("spsc", PairRing), ("ring", Ring), ("mailbox", Mailbox), ("deque", Deque),
                          ("treiber", Stack), ("map", Map), ("table", Table), ("domain", Domain), ("guard", Guard)):
        made.add_printer("weft_" + name, "^weft_%s$" % name, known(printer))
    return made


gdb.printing.register_pretty_printer(gdb.current_objfile(), printers(), replace=True)
