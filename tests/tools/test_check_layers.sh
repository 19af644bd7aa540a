#!/usr/bin/env bash
# tools/check_layers passes this tree, and notices each kind of violation planted in a small tree of its own.
set -uo pipefail

tool=$MERX_SOURCE_DIR/tools/check_layers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# fresh: a tree that keeps to its floors, with the allowed corner cases.
fresh() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree/include/merx" "$work/tree"/src/{base,io,numeric,kernels,learn/core,learn/linear,learn/factor,store/drivers,shop/answers} \
        "$work/tree/programs/merx"
    cd "$work/tree" || exit 1
    for name in status alloc task option dataset model shop answer; do
        echo '#include <stddef.h>' >"include/merx/$name.h"
    done
    echo '#include "merx/status.h"' >>include/merx/model.h
    echo '#include "merx/alloc.h"' >src/base/memory.h
    printf '#include "base/memory.h"\nvoid f(void) { free(malloc(1)); }\n' >src/base/memory.c
    printf '#include <zlib.h>\n#include <sys/stat.h>\n#include <jansson.h>\n#include "base/memory.h"\n' >src/io/stream.h
    echo '#include <cblas.h>' >src/numeric/matrix.h
    printf '#include "merx/model.h"\n#include "numeric/matrix.h"\n#include "io/stream.h"\n' >src/learn/core/family.h
    printf '#include "learn/core/family.h"\n#include "numeric/matrix.h"\n' >src/learn/linear/ridge.h
    echo '#include "learn/core/family.h"' >src/learn/factor/als.h
    echo '#include "learn/linear/ridge.h"' >src/learn/families.c
    echo '#include "io/stream.h"' >src/store/records.h
    printf '#include <sqlite3.h>\n#include "store/records.h"\n' >src/store/drivers/sqlite.c
    printf '#include "learn/factor/als.h"\n#include "store/records.h"\n#include "merx/answer.h"\n' >src/shop/answers/recommend.c
    cat >>src/shop/answers/recommend.c <<'CODE'
/* free(x) in a comment, malloc(
   strdup(y) still */
const char *text = "free(x)"; char c = '"'; // calloc(1, 1)
void g(merx_budget *b) { merx_budget_free(b); b->free(b); json_free (b); }
void h(char *dump) {
    /* allocated by jansson */
    free(dump);
    free(dump); /* allocated by jansson */
}
CODE
    echo 'int x;' >programs/merx/command.h
    printf '#include <stdio.h>\n#include <jansson.h>\n#include "merx/shop.h"\n#include "command.h"\n' >programs/merx/cmd_train.c
}

# passes: the tree as it is.
passes() {
    local said
    if ! said=$("$tool" . 2>&1); then
        printf 'FAILED: %s should pass; it said:\n%s\n' "$1" "$said"
        failed=1
    fi
}

# refuses PLACE TEXT: exit 1, one violation, at that place, with that text. Ends with a fresh tree.
refuses() {
    local said got=0
    said=$("$tool" . 2>&1) || got=$?
    if [ "$got" -ne 1 ] || [[ $said != "$1"*"$2"*$'\n'"1 violations"* ]]; then
        printf 'FAILED: exit code %d, expected 1 and "%s ... %s"; it said:\n%s\n' "$got" "$1" "$2" "$said"
        failed=1
    fi
    fresh
}

cd "$MERX_SOURCE_DIR" || exit 1
passes 'the source tree'

fresh
passes 'the small tree'
echo '#include "io/stream.h"' >>src/base/memory.c
refuses src/base/memory.c:3 'base may not include io'
echo '  #  include "learn/core/family.h" /* sorting */' >>src/numeric/matrix.h
refuses src/numeric/matrix.h:2 'numeric may not include learn/core'
echo '#include "learn/factor/als.h"' >>src/learn/linear/ridge.h
refuses src/learn/linear/ridge.h:3 'learn/linear may not include learn/factor'
echo '#include "learn/linear/ridge.h"' >>src/learn/core/family.h
refuses src/learn/core/family.h:4 'learn/core may not include learn/linear'
echo '#include "store/records.h"' >>src/learn/linear/ridge.h
refuses src/learn/linear/ridge.h:3 'learn/linear may not include store'
echo '#include "learn/core/family.h"' >>src/store/records.h
refuses src/store/records.h:2 'store may not include learn/core'
echo 'int y;' >src/store/drivers/driver.h
echo '#include "store/drivers/driver.h"' >>src/store/records.h
passes 'a store that lists its drivers'
echo '#include "store/drivers/driver.h"' >>src/shop/answers/recommend.c
refuses src/shop/answers/recommend.c 'shop may not include store/drivers'
echo '#include "merx/shop.h"' >>src/learn/core/family.h
refuses src/learn/core/family.h:4 'learn/core may not include merx/shop.h'
echo '#include "merx/model.h"' >>include/merx/status.h
refuses include/merx/status.h:2 'base may not include merx/model.h'
echo '#include "base/memory.h"' >>include/merx/status.h
refuses include/merx/status.h:2 'standard headers and merx/ only'
echo '#include <jansson.h>' >>include/merx/model.h
refuses include/merx/model.h:3 'standard headers and merx/ only'
echo 'int y;' >include/merx/surprise.h
refuses include/merx/surprise.h 'no line in the table'
echo '#include <sqlite3.h>' >>src/shop/answers/recommend.c
refuses src/shop/answers/recommend.c 'shop may not use SQLite'
echo '#include <cblas.h>' >>src/learn/linear/ridge.h
refuses src/learn/linear/ridge.h:3 'may not use OpenBLAS'
echo '#include <oneapi/dnnl/dnnl.h>' >>src/io/stream.h
refuses src/io/stream.h:5 'may not use oneDNN'
echo '#include <tensorflow/c_api.h>' >>src/numeric/matrix.h
refuses src/numeric/matrix.h:2 'is in no table'
echo '#include "memory.h"' >>src/base/memory.c
refuses src/base/memory.c:3 'is not a file below src/'
echo '#include "base/nothing.h"' >>src/base/memory.c
refuses src/base/memory.c:3 'is not a file below src/'
echo '#include "base/memory.h"' >>programs/merx/cmd_train.c
refuses programs/merx/cmd_train.c:5 'programs see include/merx/'
echo '#include "../../src/base/memory.h"' >>programs/merx/cmd_train.c
refuses programs/merx/cmd_train.c:5 'programs see include/merx/'
mkdir src/attic && echo 'int y;' >src/attic/old.c
refuses src/attic/old.c 'no floor'
echo 'int y;' >src/learn/linear/als.c
refuses src/learn/linear/als.c 'also in src/learn/factor'
echo 'int y;' >src/io/Stream2.c
refuses src/io/Stream2.c 'lower case'
for call in 'malloc(1)' 'calloc(1, 1)' 'realloc (p, 2)' 'free(p)' 'strdup("a")'; do
    echo "void *k(void *p) { \"/*\"; return $call; }" >>src/numeric/matrix.h
    refuses src/numeric/matrix.h:2 'outside src/base'
done
echo '/* a comment */ int y; void m(char *p) { /* b */ free(p); }' >>src/shop/answers/recommend.c
refuses src/shop/answers/recommend.c 'free() outside src/base'
passes 'the small tree at the end'

"$tool" "$work" >/dev/null 2>&1
if [ $? -ne 2 ]; then
    echo 'FAILED: a folder that is no source tree should give exit code 2'
    failed=1
fi
[ $failed -eq 0 ] && echo 'tools/check_layers notices every planted violation'
exit $failed
