#define _GNU_SOURCE
#include "CCairo.h"
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define FUNCTION(name) {"cairo_" #name, offsetof(cairo_functions, name)}

static const struct { const char *name; size_t place; } functions[] = {
    FUNCTION(image_surface_create),
    FUNCTION(image_surface_create_from_png_stream),
    FUNCTION(image_surface_get_data),
    FUNCTION(image_surface_get_stride),
    FUNCTION(image_surface_get_width),
    FUNCTION(image_surface_get_height),
    FUNCTION(surface_flush),
    FUNCTION(surface_mark_dirty),
    FUNCTION(surface_status),
    FUNCTION(surface_destroy),
    FUNCTION(status_to_string),
    FUNCTION(create),
    FUNCTION(destroy),
    FUNCTION(status),
    FUNCTION(save),
    FUNCTION(restore),
    FUNCTION(translate),
    FUNCTION(rotate),
    FUNCTION(set_source_rgb),
    FUNCTION(set_antialias),
    FUNCTION(rectangle),
    FUNCTION(fill),
    FUNCTION(paint),
    FUNCTION(move_to),
    FUNCTION(select_font_face),
    FUNCTION(set_font_size),
    FUNCTION(text_extents),
    FUNCTION(show_text),
    FUNCTION(scale),
    FUNCTION(set_source_rgba),
    FUNCTION(set_source_surface),
    FUNCTION(get_source),
    FUNCTION(pattern_set_filter),
    FUNCTION(line_to),
    FUNCTION(close_path),
    FUNCTION(arc),
    FUNCTION(stroke),
    FUNCTION(set_line_width),
    FUNCTION(set_dash),
    FUNCTION(show_page),
    FUNCTION(surface_finish),
    FUNCTION(pdf_surface_create_for_stream),
    FUNCTION(pdf_surface_set_metadata),
};

enum { FUNCTIONS = sizeof functions / sizeof *functions };
_Static_assert(FUNCTIONS * sizeof(void *) == sizeof(cairo_functions), "every function of the table is looked up");

static const cairo_functions *fail(char **reason, const char *format, const char *detail) {
    if (asprintf(reason, format, detail) < 0) *reason = NULL;
    return NULL;
}

const cairo_functions *cairo_functions_load(const char *const *names, char **reason) {
    const char *detail = "no library was named";
    void *opened = NULL;
    for (; *names && !opened; names++) {
        opened = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
        if (!opened) detail = dlerror();
    }
    if (!opened) return fail(reason, "Cairo is not installed here (%s)", detail);
    char *table = malloc(sizeof(cairo_functions));
    if (!table) return fail(reason, "there is no memory for %s", "Cairo");
    for (size_t i = 0; i < FUNCTIONS; i++) {
        void *function = dlsym(opened, functions[i].name);
        if (!function) {
            free(table);
            dlclose(opened);
            return fail(reason, "this Cairo lacks %s", functions[i].name);
        }
        *(void **)(table + functions[i].place) = function;
    }
    return (const cairo_functions *)table;
}
