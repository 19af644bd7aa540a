/*
 * One boosting step on sums over bins: where to cut, and what each piece adds.
 *
 * A piece with negative gradient G and curvature H moves by rate * G / (H + l2), one damped Newton step of its penalised loss; cutting a piece into parts gains
 *     sum over parts G_part^2 / (H_part + l2)  -  G^2 / (H + l2)
 * (twice the fall of the loss's quadratic model). Every part has at least min_samples rows. The first of equal gains wins.
 */
#include <math.h>
#include <string.h>

#include "learn/additive/additive_parts.h"

#define MOST_PIECES 64
#define SWEEPS 4
#define LEAST_CURVATURE 1e-12

static double worth(double g, double h, double l2)
{
    return g * g / (h + l2);
}

static bool enough(const mx_cell *c, const mx_step_rule *rule)
{
    return c->rows >= (double)rule->min_samples && c->h > LEAST_CURVATURE;
}

static mx_cell less(mx_cell a, mx_cell b)
{
    return (mx_cell){a.g - b.g, a.h - b.h, a.rows - b.rows};
}

static double move(const mx_cell *c, const mx_step_rule *rule)
{
    return enough(c, rule) ? rule->rate * c->g / (c->h + rule->l2) : 0;
}

/* ---- a column ---- */

typedef struct piece {
    size_t begin, end, cut; /* positions in the order; cut == begin: no cut */
    mx_cell all;
    double gain;
} piece;

static void find_cut(const mx_cell *hist, const uint16_t *order, const mx_step_rule *rule, piece *p)
{
    mx_cell left = {0};
    double own = worth(p->all.g, p->all.h, rule->l2);
    p->gain = 0;
    p->cut = p->begin;
    if (p->all.rows < 2 * (double)rule->min_samples)
        return;
    for (size_t q = p->begin; q + 1 < p->end; q++) {
        const mx_cell *c = &hist[order != NULL ? order[q] : q];
        left.g += c->g;
        left.h += c->h;
        left.rows += c->rows;
        mx_cell right = less(p->all, left);
        if (right.rows < (double)rule->min_samples)
            break;
        if (c->rows == 0 || !enough(&left, rule) || !enough(&right, rule))
            continue;
        double gain = worth(left.g, left.h, rule->l2) + worth(right.g, right.h, rule->l2) - own;
        if (gain > p->gain) {
            p->gain = gain;
            p->cut = q + 1;
        }
    }
}

static mx_cell sum_of(const mx_cell *hist, const uint16_t *order, size_t begin, size_t end)
{
    mx_cell total = {0};
    for (size_t q = begin; q < end; q++) {
        const mx_cell *c = &hist[order != NULL ? order[q] : q];
        total.g += c->g;
        total.h += c->h;
        total.rows += c->rows;
    }
    return total;
}

void mx_step_column(const mx_cell *hist, size_t bins, const uint16_t *order, const mx_step_rule *rule, double *delta)
{
    piece pieces[MOST_PIECES];
    size_t count = 1, most = rule->leaves < MOST_PIECES ? rule->leaves : MOST_PIECES;
    /* Positions 1 … m; order has room for position 0, which is not used. */
    pieces[0] = (piece){.begin = 1, .end = bins - 1};
    pieces[0].all = sum_of(hist, order, 1, bins - 1);
    find_cut(hist, order, rule, &pieces[0]);
    while (count < most) {
        size_t best = 0;
        for (size_t k = 1; k < count; k++)
            if (pieces[k].gain > pieces[best].gain)
                best = k;
        if (!(pieces[best].gain > 0))
            break;
        piece left = pieces[best], right = left;
        left.end = right.begin = left.cut;
        left.all = sum_of(hist, order, left.begin, left.end);
        right.all = less(pieces[best].all, left.all);
        find_cut(hist, order, rule, &left);
        find_cut(hist, order, rule, &right);
        pieces[best] = left;
        pieces[count++] = right;
    }
    delta[0] = move(&hist[0], rule);
    delta[bins - 1] = 0;
    for (size_t k = 0; k < count; k++) {
        double step = move(&pieces[k].all, rule);
        for (size_t q = pieces[k].begin; q < pieces[k].end; q++)
            delta[order != NULL ? order[q] : q] = step;
    }
}

/* ---- a pair ---- */

/* Summed-area table: cell (i, j) holds the sum over rows below i and columns below j; (a + 1, b + 1). */
typedef struct area {
    const mx_cell *sums;
    size_t stride;
} area;

typedef struct region {
    size_t a0, a1, b0, b1;
    mx_cell all;
    double gain;
    size_t cut; /* 0: none */
    bool across;
} region;

size_t mx_step_pair_room(size_t side_a, size_t side_b)
{
    return side_a * side_b;
}

/* The unknown row and column are left out: they are always 0. */
static area make_area(const mx_cell *hist, size_t side_a, size_t side_b, mx_cell *room)
{
    size_t a = side_a - 1, b = side_b - 1, stride = b + 1;
    memset(room, 0, stride * sizeof *room);
    for (size_t i = 0; i < a; i++) {
        mx_cell run = {0};
        mx_cell *above = room + i * stride, *here = above + stride;
        here[0] = run;
        for (size_t j = 0; j < b; j++) {
            const mx_cell *c = &hist[i * side_b + j];
            run.g += c->g;
            run.h += c->h;
            run.rows += c->rows;
            here[j + 1] = (mx_cell){above[j + 1].g + run.g, above[j + 1].h + run.h, above[j + 1].rows + run.rows};
        }
    }
    return (area){room, stride};
}

static mx_cell inside(const area *s, size_t a0, size_t a1, size_t b0, size_t b1)
{
    const mx_cell *p = &s->sums[a1 * s->stride], *q = &s->sums[a0 * s->stride];
    return (mx_cell){p[b1].g - p[b0].g - q[b1].g + q[b0].g, p[b1].h - p[b0].h - q[b1].h + q[b0].h,
                     p[b1].rows - p[b0].rows - q[b1].rows + q[b0].rows};
}

/* The best cut in four of the whole grid; parts may be empty, those that are not have enough rows. Returns the gain; 0: none. */
static double best_quarters(const area *s, size_t a, size_t b, const mx_step_rule *rule, size_t *cut_a, size_t *cut_b)
{
    const mx_cell *last = &s->sums[a * s->stride];
    mx_cell all = last[b];
    double best = 0, own = worth(all.g, all.h, rule->l2), least = (double)rule->min_samples;
    for (size_t i = 1; i < a; i++) {
        const mx_cell *row = &s->sums[i * s->stride];
        mx_cell upper = row[b];
        if (upper.rows == 0 || upper.rows == all.rows || upper.rows == s->sums[(i - 1) * s->stride + b].rows)
            continue;
        for (size_t j = 1; j < b; j++) {
            mx_cell part[4] = {row[j], less(upper, row[j]), less(last[j], row[j])};
            part[3] = less(less(all, upper), part[2]);
            double total = 0;
            bool fits = true;
            for (int k = 0; k < 4; k++) {
                if (part[k].rows == 0)
                    continue;
                fits &= part[k].rows >= least && part[k].h > LEAST_CURVATURE;
                total += part[k].g * part[k].g / (part[k].h + rule->l2 + LEAST_CURVATURE);
            }
            if (fits && total - own > best) {
                best = total - own;
                *cut_a = i;
                *cut_b = j;
            }
        }
    }
    return best;
}

/* Gradients less those of the nearest sum of a row's and a column's step (nearly: a few sweeps). */
static void leave_interaction(mx_cell *hist, size_t side_a, size_t side_b)
{
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (int across = 0; across < 2; across++) {
            size_t lines = across ? side_b : side_a, length = across ? side_a : side_b, next = across ? side_b : 1;
            for (size_t i = 0; i < lines; i++) {
                mx_cell *line = hist + i * (across ? 1 : side_b);
                double g = 0, h = 0;
                for (size_t j = 0; j < length; j++) {
                    g += line[j * next].g;
                    h += line[j * next].h;
                }
                double step = h > LEAST_CURVATURE ? g / h : 0;
                for (size_t j = 0; j < length; j++)
                    line[j * next].g -= step * line[j * next].h;
            }
        }
}

double mx_pair_gain(mx_cell *hist, size_t side_a, size_t side_b, const mx_step_rule *rule, mx_cell *room)
{
    size_t cut_a, cut_b;
    leave_interaction(hist, side_a, side_b);
    area s = make_area(hist, side_a, side_b, room);
    return best_quarters(&s, side_a - 1, side_b - 1, rule, &cut_a, &cut_b);
}

static void find_region_cut(const area *s, const mx_step_rule *rule, region *r)
{
    double own = worth(r->all.g, r->all.h, rule->l2);
    r->gain = 0;
    r->cut = 0;
    if (r->all.rows < 2 * (double)rule->min_samples)
        return;
    for (int across = 0; across < 2; across++) {
        size_t from = across ? r->b0 : r->a0, to = across ? r->b1 : r->a1;
        for (size_t q = from + 1; q < to; q++) {
            mx_cell left = across ? inside(s, r->a0, r->a1, r->b0, q) : inside(s, r->a0, q, r->b0, r->b1);
            mx_cell right = less(r->all, left);
            if (!enough(&left, rule) || !enough(&right, rule))
                continue;
            double gain = worth(left.g, left.h, rule->l2) + worth(right.g, right.h, rule->l2) - own;
            if (gain > r->gain) {
                r->gain = gain;
                r->cut = q;
                r->across = across;
            }
        }
    }
}

void mx_step_pair(const mx_cell *hist, size_t side_a, size_t side_b, const mx_step_rule *rule, mx_cell *room,
                  double *delta)
{
    region regions[MOST_PIECES];
    size_t count = 0, most = rule->leaves < MOST_PIECES ? rule->leaves : MOST_PIECES, a = side_a - 1, b = side_b - 1,
           cut_a = 0, cut_b = 0;
    area s = make_area(hist, side_a, side_b, room);
    memset(delta, 0, side_a * side_b * sizeof *delta);
    if (!(best_quarters(&s, a, b, rule, &cut_a, &cut_b) > 0))
        return;
    const size_t edges[4][4] = {{0, cut_a, 0, cut_b}, {0, cut_a, cut_b, b}, {cut_a, a, 0, cut_b}, {cut_a, a, cut_b, b}};
    for (size_t k = 0; k < 4; k++) {
        region r = {.a0 = edges[k][0], .a1 = edges[k][1], .b0 = edges[k][2], .b1 = edges[k][3]};
        r.all = inside(&s, r.a0, r.a1, r.b0, r.b1);
        if (r.all.rows == 0)
            continue;
        if (most > 4)
            find_region_cut(&s, rule, &r);
        regions[count++] = r;
    }
    while (count < most) {
        size_t best = 0;
        for (size_t k = 1; k < count; k++)
            if (regions[k].gain > regions[best].gain)
                best = k;
        if (!(regions[best].gain > 0))
            break;
        region left = regions[best], right = left;
        if (left.across)
            left.b1 = right.b0 = left.cut;
        else
            left.a1 = right.a0 = left.cut;
        left.all = inside(&s, left.a0, left.a1, left.b0, left.b1);
        right.all = less(right.all, left.all);
        find_region_cut(&s, rule, &left);
        find_region_cut(&s, rule, &right);
        regions[best] = left;
        regions[count++] = right;
    }
    for (size_t k = 0; k < count; k++) {
        double step = move(&regions[k].all, rule);
        for (size_t i = regions[k].a0; i < regions[k].a1; i++)
            for (size_t j = regions[k].b0; j < regions[k].b1; j++)
                delta[i * side_b + j] = step;
    }
}

/* ---- monotone ---- */

void mx_make_monotone(double *f, const double *weights, size_t m, int direction, mx_block *blocks)
{
    size_t count = 0;
    for (size_t i = 0; i < m; i++) {
        mx_block b = {direction * f[i], weights[i] > 0 ? weights[i] : 0, 1};
        while (count > 0 && !(blocks[count - 1].mean <= b.mean)) {
            const mx_block *p = &blocks[--count];
            double weight = p->weight + b.weight;
            b.mean = weight > 0 ? (p->weight * p->mean + b.weight * b.mean) / weight : p->mean;
            b.weight = weight;
            b.count += p->count;
        }
        blocks[count++] = b;
    }
    size_t at = 0;
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < blocks[k].count; i++)
            f[at++] = direction * blocks[k].mean;
}
