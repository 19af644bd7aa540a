#!/usr/bin/env bash
# The command line as a person meets it: help, wrong use, exit codes, JSON, completion, man page, models on tables.
. "$MERX_SOURCE_DIR/tests/support/check.sh"

# Help everywhere, and every command has examples.
run 0 "$MERX" --help
commands=$(sed -n 's/^  \([a-z]*\) .*/\1/p' "$work/out")
[ "$(printf '%s\n' "$commands" | sed -n '/^up$/p;/^import$/p;/^train$/p;/^ask$/p;/^evaluate$/p;/^report$/p;/^fit$/p;/^predict$/p;/^explain$/p;/^inspect$/p;/^forecast$/p;/^models$/p;/^forget$/p;/^sample$/p;/^version$/p;/^completion$/p' | wc -l)" = 16 ] ||
    die "commands are missing: $commands"
for command in up import train ask evaluate report models forget sample fit predict explain inspect forecast picture frames network version completion help; do
    run 0 "$MERX" "$command" --help
    has "$work/out" "usage: merx $command"
    has "$work/out" "examples"
    empty "$work/err"
done
for answer in recommend next segment demand insight similar; do
    run 0 "$MERX" ask --help
    has "$work/out" "$answer"
done

# Wrong use is exit code 2, says what was wrong on standard error, and prints nothing else.
run 2 "$MERX"
run 2 "$MERX" nonsense
has "$work/err" 'no command "nonsense"'
run 2 "$MERX" ask
has "$work/err" "too few arguments"
run 2 "$MERX" version --nonsense
has "$work/err" "unknown flag --nonsense"
run 2 "$MERX" version extra
run 2 "$MERX" sample "$work/s" --threads 0
run 2 "$MERX" sample "$work/s" --products many
has "$work/err" "expected a whole number"
run 2 "$MERX" ask insight
has "$work/err" "which shop?"
run 2 "$MERX" version --color sometimes
empty "$work/out"
run 1 "$MERX" ask insight --shop "$work/absent"
has "$work/err" "$work/absent"

# Version, completion, man page.
run 0 "$MERX" version
has "$work/out" "merx "
run 0 "$MERX" version --verbose
has "$work/out" "avx2"
run 0 "$MERX" version --json
has "$work/out" '"version": "'
run 0 "$MERX" completion bash
bash -n "$work/out" || die "the bash completion does not parse"
(
    # shellcheck source=/dev/null # what the program printed
    . "$work/out"
    COMP_WORDS=(merx as)
    COMP_CWORD=1
    _merx
    [ "${COMPREPLY[*]}" = ask ] || die "completion of \"as\" gave ${COMPREPLY[*]}"
    COMP_WORDS=(merx ask rec)
    COMP_CWORD=2
    _merx
    [ "${COMPREPLY[*]}" = recommend ] || die "completion of \"ask rec\" gave ${COMPREPLY[*]}"
    COMP_WORDS=(merx network im)
    _merx
    [ "${COMPREPLY[*]}" = import ] || die "completion of \"network im\" gave ${COMPREPLY[*]}"
) || exit 1
# Every setting of the server, from its one table, is in the help, the completions and the man page.
if "$MERX" serve --help | grep -q -- '--listen'; then
    settings=$("$MERX" serve --help | grep -oE '^ +--[a-z_]+' | tr -d ' ')
    [ "$(printf '%s\n' "$settings" | wc -l)" -ge 12 ] || die "merx serve --help has no settings: $settings"
    for form in bash zsh fish man; do
        "$MERX" completion $form | sed 's/\\-/-/g' >"$work/words"
        for setting in $settings; do
            has "$work/words" "$setting"
        done
    done
    for role in create list revoke; do
        "$MERX" completion bash | grep -q " key) .* $role " || die "the completion of \"key\" lacks $role"
    done
fi
run 0 "$MERX" completion zsh
run 0 "$MERX" completion fish
run 0 "$MERX" completion man
has "$work/out" ".SH COMMANDS"
run 2 "$MERX" completion csh

# Standard output that can't be written is a failure.
if [ -w /dev/full ]; then
    "$MERX" --help >/dev/full 2>"$work/err" && die "--help into a full device succeeded"
    has "$work/err" "can't write"
fi

# A model on a table: fit, predict, explain.
awk 'BEGIN { srand(7); print "size,colour,price"; for (i = 0; i < 300; i++) { s = rand() * 10; c = i % 3; print s "," (c == 0 ? "red" : c == 1 ? "blue" : "green") "," 5 + 2 * s + c } }' >"$work/table.csv"
run 0 "$MERX" fit linear "$work/table.csv" --target price --out "$work/model.merx" --cv 3
has "$work/out" "r2"
[ -s "$work/model.merx" ] || die "no model file"
run 0 "$MERX" predict "$work/model.merx" "$work/table.csv"
[ "$(wc -l <"$work/out")" = 301 ] || die "predict gave $(wc -l <"$work/out") lines, not 301"
cp "$work/out" "$work/held.csv"
# Never held: the same model and the same predictions.
run 0 "$MERX" fit linear "$work/table.csv" --target price --out "$work/streamed.merx" --stream
cmp "$work/model.merx" "$work/streamed.merx" || die "a streamed fit differs from the one in memory"
run 0 "$MERX" predict "$work/streamed.merx" "$work/table.csv" --stream
cmp "$work/out" "$work/held.csv" || die "streamed predictions differ"
run 2 "$MERX" fit linear "$work/table.csv" --target price --stream --cv 3
has "$work/err" "take rows at will"
run 0 "$MERX" explain "$work/model.merx" "$work/table.csv" --row 3
has "$work/out" "size = "
run 2 "$MERX" explain "$work/model.merx" "$work/table.csv" --row 0
run 2 "$MERX" explain "$work/model.merx" "$work/table.csv" --row 301
run 0 "$MERX" inspect importance "$work/model.merx" "$work/table.csv" --metric mae --svg "$work/importance.svg"
has "$work/out" "size"
has "$work/importance.svg" "</svg>"
run 0 "$MERX" inspect dependence "$work/model.merx" "$work/table.csv" --columns colour --json
has "$work/out" '"blue"'
run 1 "$MERX" inspect dependence "$work/model.merx" "$work/table.csv" --columns sise
has "$work/err" 'did you mean "size"'
run 1 "$MERX" inspect calibration "$work/model.merx" "$work/table.csv"
has "$work/err" "no probabilities"
run 2 "$MERX" inspect nonsense "$work/model.merx" "$work/table.csv"
has "$work/err" "expected importance, dependence"
run 2 "$MERX" inspect dependence "$work/model.merx" "$work/table.csv"
has "$work/err" "which column"
run 2 "$MERX" inspect importance "$work/model.merx" "$work/table.csv" --repeats none
awk 'BEGIN { srand(3); print "shop,week,price,units"; for (s = 1; s <= 3; s++) for (w = 1; w <= 60; w++) { p = 1 + rand(); print s "," w "," p "," (w > 58 ? "" : 100 * s / (p * p)) } }' >"$work/panel.csv"
run 0 "$MERX" forecast ridge "$work/panel.csv" --series shop --time week --target units --log --horizons 1-2
[ "$(wc -l <"$work/out")" = 7 ] || die "forecast gave $(wc -l <"$work/out") lines, not 7"
has "$work/out" "shop,week,forecast,actual"
run 0 "$MERX" forecast ridge "$work/panel.csv" --series shop --time week --target units --by shop --origin 50 --json
has "$work/out" '"origin": "50"'
run 2 "$MERX" forecast ridge "$work/panel.csv" --series shop --time week
run 2 "$MERX" forecast ridge "$work/panel.csv" --series shop --time week --target units --horizons 3-1
run 1 "$MERX" forecast ridge "$work/panel.csv" --series shop --time weak --target units
has "$work/err" 'did you mean "week"'
run 2 "$MERX" fit linear "$work/table.csv"
has "$work/err" "--target"
run 2 "$MERX" fit lineer "$work/table.csv" --target price
has "$work/err" "linear"
run 2 "$MERX" fit ridge "$work/table.csv" --target price --l3 1
has "$work/err" "l2"
run 1 "$MERX" fit linear "$work/table.csv" --target prize
has "$work/err" "price"
run 1 "$MERX" fit linear "$work/absent.csv" --target price
has "$work/err" "absent.csv"
head -c 300 "$work/model.merx" >"$work/cut.merx"
run 1 "$MERX" predict "$work/cut.merx" "$work/table.csv"
has "$work/err" "cut.merx"
printf 'size,colour,price\n1,red,2\n3,"blue,4\n' >"$work/open.csv"
run 1 "$MERX" fit linear "$work/open.csv" --target price
has "$work/err" "open.csv:3"
exit 0
