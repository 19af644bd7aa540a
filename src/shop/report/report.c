/*
 * merx_shop_report: gathers the sections and gives them out as text and as a page.
 */
#include "shop/report/report.h"

#include <string.h>

#include "io/file.h"

static const char *currency_sign(const char *currency)
{
    static const struct {
        const char *code, *sign;
    } signs[] = {{"GBP", "£"}, {"EUR", "€"}, {"USD", "$"}, {"CNY", "¥"}, {"JPY", "¥"}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strcmp(currency, signs[i].code) == 0)
            return signs[i].sign;
    return "";
}

/* The last part of the shop's path. */
static const char *shop_name(report_out *out, const char *folder)
{
    size_t end = strlen(folder);
    while (end > 1 && folder[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && folder[begin - 1] != '/')
        begin--;
    return report_str(out, (mx_str){folder + begin, end - begin});
}

static merx_status put_sections(report_out *out, merx_shop *shop, merx_task *task, merx_error *err)
{
    mx_snapshot *snapshot;
    MX_TRY(mx_shop_snapshot(shop, task, &snapshot, err));
    if (snapshot->events == 0) {
        report_paragraph(out, "%s", report_say(out, W_EMPTY));
        return MERX_OK;
    }
    out->currency = currency_sign(snapshot->currency ? snapshot->currency : "");
    MX_TRY(report_overview(out, snapshot, err));
    MX_TRY(report_tops(out, snapshot, err));
    MX_TRY(report_loyalty(out, snapshot, err));
    MX_TRY(report_changes(out, snapshot, err));
    MX_TRY(report_answers(out, shop, snapshot, err));
    return report_quality(out, shop, err);
}

merx_status merx_shop_report(merx_shop *shop, const merx_report_options *options, merx_task *task, char **text,
                             merx_error *err)
{
    enum { MOST_TEXT = 1 << 22, MOST_PAGE = 1 << 26 };
    const merx_report_options none = {0};
    merx_status status = MERX_OK;
    mx_arena arena;
    *text = NULL;
    if (!options)
        options = &none;
    if (options->language && strcmp(options->language, "en") != 0 && strcmp(options->language, "zh") != 0)
        MX_FAIL(err, MERX_E_INVALID, "report", "language is \"%s\": expected en or zh", options->language);
    mx_arena_init(&arena, shop->alloc);
    report_out out = {.columns = options->columns > 0 ? options->columns : 100,
                      .colour = options->colour,
                      .chinese = options->language && strcmp(options->language, "zh") == 0,
                      .arena = &arena,
                      .currency = ""};
    mx_text_init(&out.text, shop->alloc, MOST_TEXT);
    mx_text_init(&out.html, shop->alloc, MOST_PAGE);
    report_begin(&out, shop_name(&out, shop->folder));
    MX_TRY_GOTO(put_sections(&out, shop, task, err));
    report_end(&out);
    MX_TRY_GOTO(mx_text_ok(&out.text, err));
    MX_TRY_GOTO(mx_text_ok(&out.html, err));
    if (options->html)
        MX_TRY_GOTO(mx_write_file(options->html, out.html.data, out.html.size, err));
    status = mx_text_give(&out.text, text, err);
out:
    mx_text_release(&out.text);
    mx_text_release(&out.html);
    mx_arena_release(&arena);
    return status;
}
