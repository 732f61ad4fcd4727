#!/usr/bin/env python3
"""peers_test.py PROGRAM: runs every peer of every family, with one thread and with more threads than cores: the values that its adapter
puts must come out again. Faults that the adapter declares are no failure here."""

import json
import os
import subprocess
import sys
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "weft-bench-peers"))

NAMES = {
    "queue": """ck-fifo ck-hp-fifo urcu-wfcqueue urcu-lfqueue boost-queue cds-msqueue cds-moirqueue cds-optimistic
             cds-fcqueue xenium-ms-hazard xenium-ms-epoch xenium-ramalhete moodycamel moodycamel-tokens tbb-queue
             glib-async""",
    "ring": "ck-ring boost-fixed cds-vyukov xenium-vyukov tbb-bounded",
    "spsc": "readerwriterq boost-spsc ck-ring glib-async pipe",
    "mailbox": "urcu-wfcqueue moodycamel-tokens glib-async",
    "stack": "ck-stack ck-hp-stack urcu-lfstack urcu-lfstack-mutex boost-stack cds-treiber cds-elimination cds-fcstack",
    "map": """std-mutex-map std-shared-map std-sharded-map ck-ht urcu-lfht cds-michael-hp cds-michael-rcu cds-splitlist-hp
           cds-splitlist-rcu cds-feldman-hp cds-feldman-rcu xenium-hm-hazard xenium-hm-epoch xenium-vyukov-map
           tbb-hash-map tbb-unordered""",
    "reclaim": """ck-epoch ck-hp urcu-memb urcu-bp urcu-qsbr cds-hp cds-dhp cds-rcu xenium-hazard xenium-epoch xenium-debra
               xenium-stamp-it""",
}
KNOWN = {"ck-ht"}  # adapter.h: `broken`


class Peers(unittest.TestCase):
    def check(self, family, *arguments):
        names = NAMES[family].split()
        done = subprocess.run([PROGRAM, "--peers", "--family", family, "--impl", ",".join(names), "--rounds", "2", "--duration-ms", "5",
                               "--huge-pages", "on", "--json", "-", *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=280, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("left out", done.stderr)
        whole = json.loads(done.stdout)
        rows = whole["results"] + whole["latency"]
        self.assertEqual({row["implementation"] for row in rows} - {"floor-xadd"}, set(names))
        for row in rows:
            if row["implementation"] not in KNOWN:
                self.assertIsNone(row["fault"], row)
            self.assertGreater(row["mops_max"], 0, row)
        return rows

    def test_queue(self):
        self.check("queue", "--threads", "1,3", "--workload", "pairs,1:1,burst")

    def test_round_trip(self):
        """Here each thread uses two queues at once."""
        self.check("queue", "--threads", "2", "--workload", "round-trip", "--duration-ms", "40")  # two threads that wait for each other

    def test_ring(self):
        self.check("ring", "--threads", "1,3", "--workload", "pairs,1:1,burst")
        self.check("ring", "--threads", "2", "--workload", "round-trip", "--duration-ms", "40")

    def test_one_producer_one_consumer(self):
        self.check("spsc", "--threads", "1,2", "--workload", "pairs,1:1")
        self.check("spsc", "--threads", "2", "--workload", "round-trip", "--duration-ms", "40")

    def test_one_consumer(self):
        self.check("mailbox", "--threads", "1,3", "--workload", "pairs,N:1")
        self.check("mailbox", "--threads", "2", "--workload", "round-trip", "--duration-ms", "40")

    def test_stack(self):
        self.check("stack", "--threads", "1,3", "--workload", "pairs,burst")

    def test_map(self):
        self.check("map", "--threads", "1,3", "--keys", "1000", "--workload", "90/5/5,50/25/25", "--distribution", "uniform")

    def test_reclaim(self):
        self.check("reclaim", "--threads", "1,3", "--workload", "enter-leave,read")


if __name__ == "__main__":
    unittest.main()
