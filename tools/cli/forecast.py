"""Estimates how long ./weft test still takes, from the times of each part in earlier runs here, or from a test's size."""

import json
import os
import time

import workspace

SECONDS = {"small": 2, "medium": 15, "large": 60, "enormous": 300}
FACTOR = {"plain": 1, "asan": 2, "tsan": 3}
BUILD = 60
WEIGHT = 60  # seconds that damp the pace, so that the first few tests do not decide it


class Forecast:
    """Call built, expect and done as the events happen, in this order for each configuration."""

    def __init__(self, configs, jobs):
        self.jobs = jobs
        self.path = os.path.join(workspace.STATE, "seconds.json")
        try:
            with open(self.path, encoding="utf-8") as file:
                self.known = {name: float(seconds) for name, seconds in json.load(file).items()}
        except (OSError, ValueError, AttributeError, TypeError):
            self.known = {}
        self.building = {config: self.known.get("build " + config, BUILD) for config in configs}
        self.open = {}  # (config, label): (seconds, whether it runs alone)
        self.settled = set()  # configurations whose tests are known, not guessed
        self.done_in = {}
        self.expected = self.spent = 0.0

    def built(self, config, seconds):
        self.building.pop(config, None)
        if seconds > 10:
            self.known["build " + config] = round(seconds, 1)

    def expect(self, config, tests):
        """The tests that `config` will run; before it has been built, a guess from another configuration."""
        if config in self.settled:
            return
        if config not in self.building:
            self.settled.add(config)
        self.open = {key: value for key, value in self.open.items() if key[0] != config}
        for test in tests:
            guess = SECONDS.get(test.size, 2) * FACTOR[config]
            self.open[(config, test.label)] = (self.known.get("%s %s" % (config, test.label), guess), "exclusive" in test.tags)

    def done(self, config, label, seconds):
        """Counts a finished test. Returns how many of this configuration are done."""
        expected, _ = self.open.pop((config, label), (0, False))
        self.expected += expected
        self.spent += seconds
        self.known["%s %s" % (config, label)] = round(seconds, 1)
        self.done_in[config] = self.done_in.get(config, 0) + 1
        return self.done_in[config]

    def left(self, running):
        """The text for a line, such as ", 3 min left"; empty before the first test is done. `running`: start times of running tests."""
        if not self.done_in:
            return ""
        now = time.monotonic()
        pace = (self.spent + WEIGHT) / (self.expected + WEIGHT)
        shared = alone = 0.0
        for key, (seconds, exclusive) in self.open.items():
            rest = max(seconds * pace - (now - running.get(key, now)), 0)
            if exclusive:
                alone += rest
            else:
                shared += rest
        total = shared / self.jobs + alone + sum(self.building.values())
        return ", %d min left" % round(total / 60) if total >= 90 else ", %d s left" % round(total)

    def keep(self):
        """Keeps the times for the next run."""
        if self.done_in:
            workspace.write_file(self.path, json.dumps(self.known, indent=0, sort_keys=True) + "\n")
