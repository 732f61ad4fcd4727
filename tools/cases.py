"""Runs the cases of a test that is a script, and prints what cmocka would print, so that ./weft test counts each case."""


def run(cases):
    """cases: (name, function that returns what is wrong, or nothing). Returns the exit status: 0 if nothing was wrong."""
    cases = list(cases)
    print("[==========] Running %d test(s)." % len(cases))
    failed = []
    for name, function in cases:
        print("[ RUN      ] " + name)
        wrong = function()
        if wrong:
            failed.append(name)
            print(str(wrong).rstrip())
        print("[  %s ] %s" % ("FAILED " if wrong else "     OK", name), flush=True)
    print("[==========] %d test(s) run." % len(cases))
    print("[  PASSED  ] %d test(s)." % (len(cases) - len(failed)))
    if failed:
        print("[  FAILED  ] %d test(s), listed below:" % len(failed))
        print("\n".join("[  FAILED  ] " + name for name in failed))
    return 1 if failed else 0
