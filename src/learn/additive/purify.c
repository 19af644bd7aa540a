/*
 * Taking the means of rows and columns out of a weighted grid (Lengerich et al. 2020, "Purifying interaction effects with the functional ANOVA").
 *
 * With cells F, masses W, row masses r and column masses c, the additive part u_a + v_b nearest to F in weighted squares solves
 *     r_a u_a + sum_b W_ab v_b = sum_b W_ab F_ab        c_b v_b + sum_a W_ab u_a = sum_a W_ab F_ab
 * Eliminating u leaves (C - W' R^-1 W) v = right side: symmetric, positive semidefinite, solved by Gaussian elimination with the largest diagonal as pivot; pivots
 * that vanish belong to parts of the grid that are not connected, where any v does. Sweeps over rows and columns then take out what rounding left.
 */
#include <float.h>
#include <math.h>

#include "learn/additive/additive_parts.h"

#define SWEEPS 3

/* Symmetric positive semidefinite s (b, b) x = v, in place in v; diagonal pivoting; x = 0 where no pivot is left. */
static void solve(double *s, double *v, double *x, size_t b, double largest)
{
    for (size_t j = 0; j < b; j++)
        x[j] = -1; /* -1: not yet a pivot; then its turn */
    size_t turn = 0;
    for (; turn < b; turn++) {
        size_t p = b;
        for (size_t j = 0; j < b; j++)
            if (x[j] < 0 && (p == b || s[j * b + j] > s[p * b + p]))
                p = j;
        if (!(s[p * b + p] > 1e-11 * largest))
            break;
        x[p] = (double)turn;
        for (size_t i = 0; i < b; i++) {
            if (i == p || s[i * b + p] == 0)
                continue;
            double f = s[i * b + p] / s[p * b + p];
            for (size_t j = 0; j < b; j++)
                s[i * b + j] -= f * s[p * b + j];
            v[i] -= f * v[p];
        }
    }
    for (size_t j = 0; j < b; j++)
        v[j] = x[j] >= 0 ? v[j] / s[j * b + j] : 0;
}

void mx_purify(double *cells, const double *masses, size_t a, size_t b, double *rows, double *columns, double *room)
{
    double *s = room, *v = s + b * b, *x = v + b, largest = 0, total = 0;
    for (size_t i = 0; i < a; i++)
        rows[i] = 0;
    for (size_t j = 0; j < b; j++)
        columns[j] = v[j] = 0;
    for (size_t q = 0; q < b * b; q++)
        s[q] = 0;
    for (size_t i = 0; i < a; i++) {
        const double *w = masses + i * b, *f = cells + i * b;
        double mass = 0, sum = 0;
        for (size_t j = 0; j < b; j++) {
            mass += w[j];
            sum += w[j] * f[j];
        }
        if (!(mass > 0))
            continue;
        total += mass;
        for (size_t j = 0; j < b; j++) {
            s[j * b + j] += w[j];
            v[j] += w[j] * (f[j] - sum / mass);
            for (size_t q = 0; q < b; q++)
                s[j * b + q] -= w[j] * w[q] / mass;
        }
    }
    if (!(total > 0)) {
        for (size_t q = 0; q < a * b; q++)
            cells[q] = 0;
        return;
    }
    for (size_t j = 0; j < b; j++)
        largest = fmax(largest, s[j * b + j]);
    if (largest > 0)
        solve(s, v, x, b, largest);
    else
        for (size_t j = 0; j < b; j++)
            v[j] = 0;
    for (size_t i = 0; i < a; i++)
        for (size_t j = 0; j < b; j++)
            cells[i * b + j] -= v[j];
    for (size_t j = 0; j < b; j++)
        columns[j] = v[j];
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        for (size_t i = 0; i < a; i++) {
            double mass = 0, sum = 0;
            for (size_t j = 0; j < b; j++) {
                mass += masses[i * b + j];
                sum += masses[i * b + j] * cells[i * b + j];
            }
            double own = mass > 0 ? sum / mass : 0;
            rows[i] += own;
            for (size_t j = 0; j < b; j++)
                cells[i * b + j] -= own;
        }
        for (size_t j = 0; j < b; j++) {
            double mass = 0, sum = 0;
            for (size_t i = 0; i < a; i++) {
                mass += masses[i * b + j];
                sum += masses[i * b + j] * cells[i * b + j];
            }
            double own = mass > 0 ? sum / mass : 0;
            columns[j] += own;
            for (size_t i = 0; i < a; i++)
                cells[i * b + j] -= own;
        }
    }
    /* Rows and columns without mass say nothing. */
    for (size_t i = 0; i < a; i++) {
        double mass = 0;
        for (size_t j = 0; j < b; j++)
            mass += masses[i * b + j];
        for (size_t j = 0; j < b && !(mass > 0); j++)
            cells[i * b + j] = 0;
    }
    for (size_t j = 0; j < b; j++) {
        double mass = 0;
        for (size_t i = 0; i < a; i++)
            mass += masses[i * b + j];
        for (size_t i = 0; i < a && !(mass > 0); i++)
            cells[i * b + j] = 0;
    }
}
