#!/usr/bin/env bash
# Installs the build into a fresh prefix, moves that, and builds and runs a small program outside the tree against it: through
# pkg-config and through find_package(merx), with nothing but the public headers.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A library built with a sanitizer needs programs built with it.
flags=(${MERX_SANITIZE:+"-fsanitize=$MERX_SANITIZE"})

cmake --install "$MERX_BUILD_DIR" --prefix "$work/first" >"$work/install.log" || {
    cat "$work/install.log"
    exit 1
}
mv "$work/first" "$work/prefix"
prefix=$work/prefix
library=$(dirname "$(find "$prefix" -name 'libmerx.so')")

cat >"$work/small.c" <<'C'
#include <merx/status.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    char info[4096];
    if (merx_build_info(info, sizeof info) == 0 || strstr(info, merx_version()) == NULL) {
        fprintf(stderr, "the description of the build lacks the version %s: %s\n", merx_version(), info);
        return 1;
    }
    if (strcmp(merx_status_name(MERX_E_PARSE), "MERX_E_PARSE") != 0) {
        fprintf(stderr, "name of MERX_E_PARSE: %s\n", merx_status_name(MERX_E_PARSE));
        return 1;
    }
    puts(merx_version());
    return 0;
}
C
# Every public header stands on its own.
for header in "$prefix"/include/merx/*.h; do
    echo "#include <merx/${header##*/}>" >"$work/one.c"
    "$CC" -std=c11 -Wall -Wextra -Werror -I"$prefix/include" -fsyntax-only "$work/one.c"
done

wanted=$(sed -n 's/^project(merx VERSION \([0-9.]*\).*/\1/p' "$MERX_SOURCE_DIR/CMakeLists.txt")
expect() { # WHAT COMMAND...
    local what=$1 said
    shift
    said=$("$@") || {
        echo "$what: the program failed"
        exit 1
    }
    if [ "$said" != "$wanted" ]; then
        echo "$what: the program says version '$said', expected '$wanted'"
        exit 1
    fi
}

# pkg-config, as `cc small.c $(pkg-config --cflags --libs merx)`.
export PKG_CONFIG_PATH=$library/pkgconfig
[ "$(pkg-config --modversion merx)" = "$wanted" ]
read -ra words < <(pkg-config --cflags --libs merx)
"$CC" "${flags[@]}" "$work/small.c" "${words[@]}" -o "$work/small"
expect pkg-config env LD_LIBRARY_PATH="$library" "$work/small"

# find_package(merx), from a project of its own.
mkdir "$work/project"
mv "$work/small.c" "$work/project"
cat >"$work/project/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(small C)
find_package(merx 0.1 REQUIRED)
add_executable(small small.c)
target_link_libraries(small PRIVATE merx::merx)
CMAKE
cmake -S "$work/project" -B "$work/built" -G Ninja -DCMAKE_C_COMPILER="$CC" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_FLAGS="${flags[*]}" >"$work/cmake.log" 2>&1 && cmake --build "$work/built" >>"$work/cmake.log" 2>&1 || {
    cat "$work/cmake.log"
    exit 1
}
expect find_package "$work/built/small"

# The program is installed too, and runs from there.
if [ -x "$MERX" ]; then
    "$prefix/bin/merx" version | grep -qF "$wanted" || {
        echo "the installed program does not say version $wanted"
        exit 1
    }
fi

# Names that are not ours stay inside: only merx_ is exported.
foreign=$(nm -D --defined-only "$library/libmerx.so" | awk '$2 ~ /^[TDBR]$/ && $3 !~ /^merx_/ {print $3}' | grep -vE '^(_init|_fini|__(asan|ubsan|odr_asan|sancov).*)$' || true)
if [ -n "$foreign" ]; then
    echo "libmerx.so exports names without the prefix merx_:" "$foreign"
    exit 1
fi

# Who links the library gets none of the libraries that decode; the programs that do are found from where the library lies.
needs=$(ldd "$library/libmerx.so" | grep -E 'jpeg|png|webp|avcodec|avformat|swscale|seccomp' || true)
if [ -n "$needs" ]; then
    echo "libmerx.so needs what merx-decode alone should:" "$needs"
    exit 1
fi
if [ -x "$MERX_BUILD_DIR/bin/merx-decode" ]; then
    cat >"$work/look.c" <<'C'
#include <merx/media.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    merx_error err = {0};
    merx_decoder *decoder = NULL;
    merx_picture picture = {0};
    if (argc != 2 || merx_decoder_new(NULL, NULL, &decoder, &err) != MERX_OK ||
        merx_picture_read(decoder, argv[1], NULL, &picture, &err) != MERX_OK) {
        fprintf(stderr, "%s: %s\n", err.where, err.message);
        return 1;
    }
    printf("%zu x %zu\n", picture.width, picture.height);
    merx_picture_release(&picture);
    merx_decoder_free(decoder);
    return 0;
}
C
    "$CC" -std=c11 -Wall -Wextra -Werror "${flags[@]}" "$work/look.c" "${words[@]}" -o "$work/look"
    for program in "$work/look" "$prefix/bin/merx picture"; do
        # shellcheck disable=SC2086 # a command and its word
        said=$(LD_LIBRARY_PATH=$library $program "$MERX_SOURCE_DIR/tests/fuzz/corpus/picture/rgb.jpg")
        case $said in *'32 x 24'*) ;; *)
            echo "an installed program looked at a picture and said: $said"
            exit 1
            ;;
        esac
    done
fi

# What the programs say of themselves: descriptions, man page, completion.
for file in share/merx/api/models.json share/merx/api/answers.json share/man/man1/merx.1 share/bash-completion/completions/merx \
    share/zsh/site-functions/_merx share/fish/vendor_completions.d/merx.fish; do
    [ -s "$prefix/$file" ] || {
        echo "$file was not installed, or is empty"
        exit 1
    }
done

# The examples build against the installed library, and run.
"$prefix/bin/merx" sample "$work/shop" --products 40 --customers 60 --events 1500 --quiet
"$prefix/bin/merx" up "$work/shop" --shop "$work/shop.merx" --classify.side 16 --classify.filters 4 --classify.epochs 2 --force --quiet >"$work/report.txt"
for example in recommend predict; do
    # shellcheck disable=SC2046 # words of pkg-config
    "$CC" -std=c11 -Wall -Wextra -Werror "${flags[@]}" "$MERX_SOURCE_DIR/examples/$example.c" $(pkg-config --cflags --libs merx) -Wl,-rpath,"$library" -o "$work/$example"
done
customer=$(awk -F, 'NR > 1 && $3 != "" { print $3; exit }' "$work/shop/orders.csv")
"$work/recommend" "$work/shop.merx" "$customer" | grep -q because || {
    echo "examples/recommend.c gave no recommendation with a reason"
    exit 1
}
awk 'BEGIN { print "size,price"; for (i = 0; i < 50; i++) print i "," 3 * i + (i % 7) }' >"$work/table.csv"
"$work/predict" "$work/table.csv" price | grep -q 'size = ' || {
    echo "examples/predict.c gave no reasons"
    exit 1
}
