# A file as an array of C: cmake -DFILE=api/schemas.json -DNAME=mx_schemas_file -DHEADER=server/schemas.h -DOUT=schemas_data.c -P embed_file.cmake
# NAME is the array, its size is in NAME_size; HEADER declares both.
file(READ ${FILE} hex HEX)
string(REGEX REPLACE "(................................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
file(WRITE ${OUT}.part "/* Written by cmake/embed_file.cmake. */\n#include \"${HEADER}\"\n\nconst unsigned char ${NAME}[] = {\n${hex}0x00};\nconst size_t ${NAME}_size = sizeof ${NAME} - 1;\n")
file(RENAME ${OUT}.part ${OUT})
