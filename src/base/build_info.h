/*
 * What this build is and where it runs: the part floor 0 knows. Floor 0.
 *
 * merx_build_info is made of parts. A floor that uses an outside library has a file with one function of type mx_build_part, which
 * appends its lines ("zlib      1.2.13"), and the list in merx_build_info's file, on the highest floor, names them all.
 */
#ifndef MX_BASE_BUILD_INFO_H
#define MX_BASE_BUILD_INFO_H

#include "base/str.h"

typedef void (*mx_build_part)(mx_text *text);

/* Version, compiler, build type, sanitizers, CPU, instruction sets and the cap in force, cores. */
void mx_build_info_base(mx_text *text);

#endif
