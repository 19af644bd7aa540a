/*
 * A pen for small pictures: shapes by their signed distance, antialiased, painted one over the other onto 64 x 64 pixels. Floor 5.
 *
 * Shapes are given in the object's coordinates: u to the right, v down, the object within about [-1, 1] squared; the pen turns, mirrors, scales and places it. The coverage of a
 * pixel is clamp(1/2 - d), d the distance from its middle to the shape's edge in pixels, negative inside.
 */
#ifndef MX_SHOP_SAMPLE_PEN_H
#define MX_SHOP_SAMPLE_PEN_H

#include <stdbool.h>
#include <stddef.h>

enum { SAMPLE_SIDE = 64 };

typedef struct sample_colour {
    float r, g, b; /* 0 … 1 */
} sample_colour;

/* With a second colour in stripes: period > 0, across u. */
typedef struct sample_ink {
    sample_colour colour, stripe;
    float alpha, period;
} sample_ink;

typedef struct sample_pen {
    sample_colour pixel[SAMPLE_SIDE * SAMPLE_SIDE];
    float x, y;         /* of the object's middle, pixels */
    float scale;        /* pixels for one unit */
    float cosine, sine; /* of its turn */
    float wide;         /* u is stretched by this; negative: mirrored */
    float soft;         /* pixels over which an edge fades; 1: sharp */
} sample_pen;

sample_colour sample_mix(sample_colour a, sample_colour b, float t); /* a at 0, b at 1 */
sample_ink sample_ink_of(sample_colour colour, float alpha);

/* Turns what comes next by an angle (radians, clockwise) about the object's middle. */
void pen_turn(sample_pen *pen, float angle);
void pen_ellipse(sample_pen *pen, sample_ink ink, float u, float v, float ru, float rv);
/* The outline of an ellipse, 2 half wide. */
void pen_ring(sample_pen *pen, sample_ink ink, float u, float v, float ru, float rv, float half);
/* Half an ellipse: the part below (down) or above v. */
void pen_half(sample_pen *pen, sample_ink ink, float u, float v, float ru, float rv, bool down);
/* A box of half sizes hu, hv with rounded corners. */
void pen_box(sample_pen *pen, sample_ink ink, float u, float v, float hu, float hv, float round);
/* A line with round ends, 2 half wide. */
void pen_line(sample_pen *pen, sample_ink ink, float u0, float v0, float u1, float v1, float half);
/* A polygon, its edge moved out by round. corner: (n, 2), u and v of each; n <= 24. */
void pen_polygon(sample_pen *pen, sample_ink ink, const float *corner, size_t n, float round);

#endif
