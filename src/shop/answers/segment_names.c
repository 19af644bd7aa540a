/*
 * Segments in plain words. A name is put together from up to three words about a centroid z (standardised: 0 is the mean of all, 1 a standard deviation above):
 * a state (new, lapsed …), a pace (loyal, one-time …) and a noun (big spenders, buyers …). Groups that get the same words are told apart by the feature in which they differ most;
 * a number comes last. So names are distinct, and a function of the centroids alone.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "shop/answers/segment_model.h"

typedef struct words {
    const char *en, *zh;
} words;

typedef struct grade {
    words more, less;
} grade;

static const grade customer_grades[MX_CUSTOMER_FEATURES] = {
    {{"seen less lately", "较久未来"}, {"seen lately", "最近来过"}},
    {{"many orders", "订单多"}, {"few orders", "订单少"}},
    {{"spending more", "消费较多"}, {"spending less", "消费较少"}},
    {{"large baskets", "单笔金额大"}, {"small baskets", "单笔金额小"}},
    {{"more orders lately", "近期订单较多"}, {"fewer orders lately", "近期订单较少"}},
    {{"wide choice", "品类广"}, {"narrow choice", "品类窄"}},
    {{"returning much", "退货多"}, {"returning little", "退货少"}},
    {{"long known", "老客"}, {"known for a short time", "相识不久"}},
    {{"long between orders", "下单间隔长"}, {"short between orders", "下单间隔短"}},
};

static const grade product_grades[MX_PRODUCT_FEATURES] = {
    {{"many units", "件数多"}, {"few units", "件数少"}},
    {{"high revenue", "销售额高"}, {"low revenue", "销售额低"}},
    {{"dearer", "价格较高"}, {"cheaper", "价格较低"}},
    {{"many customers", "顾客多"}, {"few customers", "顾客少"}},
    {{"often bought again", "常被回购"}, {"seldom bought again", "很少回购"}},
    {{"sold in one month", "集中一月"}, {"sold all year", "全年有售"}},
    {{"not sold for long", "久未售出"}, {"sold lately", "最近有售"}},
    {{"long on sale", "上架久"}, {"on sale for a short time", "上架不久"}},
};

static words customer_state(const double *z)
{
    if (z[MX_C_TENURE] < -0.9 && z[MX_C_RECENCY] < 0.2)
        return (words){"new", "新"};
    if (z[MX_C_RECENCY] > 0.6)
        return (words){"lapsed", "流失的"};
    if (z[MX_C_RECENCY] < -0.5)
        return (words){"active", "活跃的"};
    if (z[MX_C_RECENCY] > 0.15)
        return (words){"fading", "淡出的"};
    return (words){"", ""};
}

/* Few orders of one who is new say nothing. */
static words customer_pace(const double *z, const double *mean, bool is_new)
{
    if (mean[MX_C_ORDERS] < 1.25)
        return (words){"one-time", "一次性"};
    if (z[MX_C_ORDERS] > 0.6)
        return (words){"loyal", "忠实"};
    if (is_new)
        return (words){"", ""};
    if (z[MX_C_ORDERS] > 0.2)
        return (words){"regular", "常来"};
    if (z[MX_C_ORDERS] < -0.4)
        return (words){"rare", "偶尔"};
    return (words){"", ""};
}

static words customer_noun(const double *z)
{
    if (z[MX_C_MONEY] > 1.6)
        return (words){"top spenders", "顶级顾客"};
    if (z[MX_C_MONEY] > 0.7)
        return (words){"big spenders", "大额顾客"};
    if (z[MX_C_MONEY] < -0.7)
        return (words){"small spenders", "小额顾客"};
    if (z[MX_C_RETURNS] > 1)
        return (words){"buyers who return much", "退货多的顾客"};
    return z[MX_C_BASKET] > 0.8 ? (words){"buyers with large baskets", "大单顾客"} : (words){"buyers", "顾客"};
}

static words product_state(const double *z)
{
    if (z[MX_P_AGE] < -0.9 && z[MX_P_RECENCY] < 0.2)
        return (words){"new", "新上架"};
    if (z[MX_P_RECENCY] > 0.8)
        return (words){"fading", "淡出的"};
    return z[MX_P_PEAK] > 0.8 ? (words){"seasonal", "季节性"} : (words){"", ""};
}

static words product_price(const double *z)
{
    if (z[MX_P_PRICE] > 0.6)
        return (words){"high-priced", "高价"};
    return z[MX_P_PRICE] < -0.6 ? (words){"low-priced", "低价"} : (words){"", ""};
}

static words product_noun(const double *z)
{
    if (z[MX_P_UNITS] > 0.7 || z[MX_P_REVENUE] > 0.7)
        return (words){"best sellers", "畅销品"};
    if (z[MX_P_UNITS] < -0.7)
        return (words){"slow sellers", "滞销品"};
    return z[MX_P_REPEAT] > 0.5 ? (words){"products bought again", "常回购商品"} : (words){"steady sellers", "平销品"};
}

static void put_together(char *en, char *zh, words a, words b, words c)
{
    if (!*a.en && !*b.en && (strcmp(c.en, "buyers") == 0 || strcmp(c.en, "steady sellers") == 0))
        a = (words){"ordinary", "普通"};
    snprintf(en, MX_SEGMENT_NAME, "%s%s%s%s%s", a.en, *a.en ? " " : "", b.en, *b.en ? " " : "", c.en);
    snprintf(zh, MX_SEGMENT_NAME, "%s%s%s", a.zh, b.zh, c.zh);
}

/* Leaves the word out where it does not fit; `room` bytes are kept for the number that may come last. */
static void append(char *name, const char *separator, const char *word, size_t room)
{
    size_t length = strlen(name);
    if (length + strlen(separator) + strlen(word) + room >= MX_SEGMENT_NAME)
        return;
    snprintf(name + length, MX_SEGMENT_NAME - length, "%s%s", separator, word);
}

/* Two groups with one name: each gets the word for its side of the feature in which their centroids differ most. */
static void tell_apart(mx_grouping *g, size_t a, size_t b)
{
    const grade *grades = g->customers ? customer_grades : product_grades;
    const double *x = g->kmeans.centroids + a * g->d, *y = g->kmeans.centroids + b * g->d;
    size_t most = 0;
    for (size_t j = 1; j < g->d; j++)
        if (fabs(x[j] - y[j]) > fabs(x[most] - y[most]))
            most = j;
    size_t more = x[most] > y[most] ? a : b, less = more == a ? b : a;
    append(g->name[more], ", ", grades[most].more.en, 24);
    append(g->name_zh[more], "，", grades[most].more.zh, 24);
    append(g->name[less], ", ", grades[most].less.en, 24);
    append(g->name_zh[less], "，", grades[most].less.zh, 24);
}

static void make_distinct(mx_grouping *g)
{
    size_t k = g->kmeans.k;
    for (size_t a = 0; a < k; a++)
        for (size_t b = a + 1; b < k; b++)
            if (strcmp(g->name[a], g->name[b]) == 0)
                tell_apart(g, a, b);
    for (size_t b = 1; b < k; b++)
        for (size_t a = 0; a < b; a++)
            if (strcmp(g->name[a], g->name[b]) == 0 || strcmp(g->name_zh[a], g->name_zh[b]) == 0) {
                char number[24];
                snprintf(number, sizeof number, "%zu", b + 1);
                append(g->name[b], " ", number, 0);
                append(g->name_zh[b], " ", number, 0);
                break;
            }
}

void mx_grouping_name(mx_grouping *grouping)
{
    for (size_t c = 0; c < grouping->kmeans.k; c++) {
        double z[MX_SEGMENT_FEATURES_MAX] = {0};
        for (size_t j = 0; j < grouping->d; j++)
            z[j] = grouping->kmeans.centroids[c * grouping->d + j] / grouping->weight[j];
        words state = grouping->customers ? customer_state(z) : product_state(z);
        if (grouping->kmeans.k == 1)
            put_together(grouping->name[c], grouping->name_zh[c], (words){"all", "全部"}, (words){"", ""},
                         grouping->customers ? (words){"customers", "顾客"} : (words){"products", "商品"});
        else if (grouping->customers)
            put_together(grouping->name[c], grouping->name_zh[c], state,
                         customer_pace(z, grouping->means[c], strcmp(state.en, "new") == 0), customer_noun(z));
        else
            put_together(grouping->name[c], grouping->name_zh[c], state, product_price(z), product_noun(z));
    }
    make_distinct(grouping);
}
