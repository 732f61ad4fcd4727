#!/bin/sh
# text.sh world.h world_X.h ...: C that defines each file's text as lives_text_world, lives_text_X.
set -eu
for file; do
    name=$(basename "$file" .h)
    echo "extern const char lives_text_${name#world_}[];"
    echo "const char lives_text_${name#world_}[] = {"
    od -An -v -tx1 "$file" | sed 's/ \(..\)/0x\1,/g'
    echo "0};"
done
