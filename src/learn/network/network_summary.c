/*
 * The table of a network's layers, as Keras's summary() has it.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "learn/network/network_state.h"

enum { MOST_TEXT = 16 << 20, COLUMNS = 4 };
static const char *const headings[COLUMNS] = {"Layer", "Output", "Weights", "Follows"};

/* 1234567 as "1,234,567". */
static void put_count(char out[32], size_t n)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%zu", n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

/* One cell; the text is kept to 255 bytes. */
static void cell(const merx_network *net, const mx_node *node, int column, char out[256])
{
    char text[96];
    size_t weights = 0, at = 0;
    out[0] = '\0';
    switch (column) {
    case 0:
        if (strncmp(node->name, node->kind->word, strlen(node->kind->word)) == 0)
            (void)snprintf(out, 256, "%s", node->name);
        else
            (void)snprintf(out, 256, "%s (%s)", node->name, node->kind->word);
        return;
    case 1:
        (void)snprintf(out, 256, "%s", mx_dims_text(node->out, text));
        return;
    case 2:
        for (size_t j = 0; j < node->n_weights; j++)
            weights += node->weight[j].size;
        put_count(out, weights);
        return;
    default:
        for (size_t i = 0; i < node->n_inputs && at < 255; i++)
            at += (size_t)snprintf(out + at, 256 - at, "%s%s", i > 0 ? ", " : "", net->node[node->inputs[i]].name);
    }
}

static void put_cell(mx_text *text, const char *value, size_t width, bool right, bool last)
{
    size_t columns = mx_utf8_columns(mx_str_of(value)), room = columns < width ? width - columns : 0;
    if (right)
        mx_text_printf(text, "%*s", (int)room, "");
    mx_text_puts(text, value);
    if (!right && !last)
        mx_text_printf(text, "%*s", (int)room, "");
    mx_text_puts(text, last ? "\n" : "  ");
}

/* Whether some layer does not follow the one before it: then the last column says something. */
static bool is_chain(const merx_network *net)
{
    for (size_t i = 1; i < net->nodes; i++)
        if (net->node[i].n_inputs != 1 || net->node[i].inputs[0] != (int)i - 1)
            return false;
    return true;
}

merx_status merx_network_summary(const merx_network *net, char **out, merx_error *err)
{
    mx_text text;
    char value[256];
    size_t width[COLUMNS], trainable = 0, fixed = 0;
    int columns = is_chain(net) ? COLUMNS - 1 : COLUMNS;
    *out = NULL;
    if (!net->compiled)
        MX_FAIL(err, MERX_E_INVALID, "network", "compile the network before it is summarised: shapes are known then");
    mx_text_init(&text, net->alloc, MOST_TEXT);
    for (int c = 0; c < columns; c++) {
        width[c] = strlen(headings[c]);
        for (size_t i = 0; i < net->nodes; i++) {
            cell(net, &net->node[i], c, value);
            size_t wide = mx_utf8_columns(mx_str_of(value));
            width[c] = wide > width[c] ? wide : width[c];
        }
    }
    for (int c = 0; c < columns; c++)
        put_cell(&text, headings[c], width[c], c == 2, c == columns - 1);
    for (size_t i = 0; i < net->nodes; i++) {
        for (int c = 0; c < columns; c++) {
            cell(net, &net->node[i], c, value);
            put_cell(&text, value, width[c], c == 2, c == columns - 1);
        }
        for (size_t j = 0; j < net->node[i].n_weights; j++)
            *(net->node[i].weight[j].trainable ? &trainable : &fixed) += net->node[i].weight[j].size;
    }
    put_count(value, trainable);
    mx_text_printf(&text, "%s trainable weights", value);
    put_count(value, fixed);
    if (fixed > 0)
        mx_text_printf(&text, ", %s that are not trained", value);
    mx_text_puts(&text, "\n");
    merx_status status = mx_text_ok(&text, err);
    if (status == MERX_OK)
        status = mx_text_give(&text, out, err);
    mx_text_release(&text);
    return status;
}
