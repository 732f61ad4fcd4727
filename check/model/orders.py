#!/usr/bin/env python3
"""orders.py FILE...: prints orders.h, a table of all named orders in these sources, for a build on the model."""

import re
import sys

NAMED = re.compile(r"^#define ([A-Z_]+_[ARXS][0-9]+) memory_order_(\w+)", re.MULTILINE)


def main():
    found = {"FULL_FENCE": "seq_cst"}  # the one fence without a name: weft_i_full_fence
    for path in sys.argv[1:]:
        if path.endswith((".c", ".h")):
            with open(path, encoding="utf-8") as file:
                found.update(NAMED.findall(file.read()))
    names = sorted(found)
    print("/* Made by orders.py. */")
    print("#ifndef WEFT_MODEL_ORDERS_H\n#define WEFT_MODEL_ORDERS_H\n")
    print("int model_order(int which); /* the one in force, as the program has it */")
    print("#define WEFT_SEAM_ORDERS\n")
    print("enum { MODEL_ORDERS = %d };\n" % len(names))
    for i, name in enumerate(names):
        print("#define %s model_order(%d)" % (name, i))
    print("\n#define MODEL_ORDER_TABLE(X) \\")
    print(" \\\n".join('    X("%s", memory_order_%s)' % (name, found[name]) for name in names))
    print("\n#endif")


if __name__ == "__main__":
    main()
