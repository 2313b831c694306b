#pragma once

#include <cairo/cairo.h>
#include <cairo/cairo-pdf.h>

// Cairo, found at run time: a compute node may lack it, and then only figures are lost.
// The types come from Cairo's headers; the functions are resolved by dlopen into a table.

typedef struct {
    __typeof__(cairo_image_surface_create) *_Nonnull image_surface_create;
    __typeof__(cairo_image_surface_create_from_png_stream) *_Nonnull image_surface_create_from_png_stream;
    __typeof__(cairo_image_surface_get_data) *_Nonnull image_surface_get_data;
    __typeof__(cairo_image_surface_get_stride) *_Nonnull image_surface_get_stride;
    __typeof__(cairo_image_surface_get_width) *_Nonnull image_surface_get_width;
    __typeof__(cairo_image_surface_get_height) *_Nonnull image_surface_get_height;
    __typeof__(cairo_surface_flush) *_Nonnull surface_flush;
    __typeof__(cairo_surface_mark_dirty) *_Nonnull surface_mark_dirty;
    __typeof__(cairo_surface_status) *_Nonnull surface_status;
    __typeof__(cairo_surface_destroy) *_Nonnull surface_destroy;
    __typeof__(cairo_status_to_string) *_Nonnull status_to_string;
    __typeof__(cairo_create) *_Nonnull create;
    __typeof__(cairo_destroy) *_Nonnull destroy;
    __typeof__(cairo_status) *_Nonnull status;
    __typeof__(cairo_save) *_Nonnull save;
    __typeof__(cairo_restore) *_Nonnull restore;
    __typeof__(cairo_translate) *_Nonnull translate;
    __typeof__(cairo_rotate) *_Nonnull rotate;
    __typeof__(cairo_set_source_rgb) *_Nonnull set_source_rgb;
    __typeof__(cairo_set_antialias) *_Nonnull set_antialias;
    __typeof__(cairo_rectangle) *_Nonnull rectangle;
    __typeof__(cairo_fill) *_Nonnull fill;
    __typeof__(cairo_paint) *_Nonnull paint;
    __typeof__(cairo_move_to) *_Nonnull move_to;
    __typeof__(cairo_select_font_face) *_Nonnull select_font_face;
    __typeof__(cairo_set_font_size) *_Nonnull set_font_size;
    __typeof__(cairo_text_extents) *_Nonnull text_extents;
    __typeof__(cairo_show_text) *_Nonnull show_text;
    __typeof__(cairo_scale) *_Nonnull scale;
    __typeof__(cairo_set_source_rgba) *_Nonnull set_source_rgba;
    __typeof__(cairo_set_source_surface) *_Nonnull set_source_surface;
    __typeof__(cairo_get_source) *_Nonnull get_source;
    __typeof__(cairo_pattern_set_filter) *_Nonnull pattern_set_filter;
    __typeof__(cairo_line_to) *_Nonnull line_to;
    __typeof__(cairo_close_path) *_Nonnull close_path;
    __typeof__(cairo_arc) *_Nonnull arc;
    __typeof__(cairo_stroke) *_Nonnull stroke;
    __typeof__(cairo_set_line_width) *_Nonnull set_line_width;
    __typeof__(cairo_set_dash) *_Nonnull set_dash;
    __typeof__(cairo_show_page) *_Nonnull show_page;
    __typeof__(cairo_surface_finish) *_Nonnull surface_finish;
    __typeof__(cairo_pdf_surface_create_for_stream) *_Nonnull pdf_surface_create_for_stream;
    __typeof__(cairo_pdf_surface_set_metadata) *_Nonnull pdf_surface_set_metadata;
} cairo_functions;

/// Loads the first library of a NULL-terminated list that can be opened, and finds Cairo's functions in it.
/// Returns the table, to be kept for good, or NULL and one line in *reason that says why not, to be freed.
const cairo_functions *_Nullable cairo_functions_load(
    const char *_Nullable const *_Nonnull names, char *_Nullable *_Nonnull reason);
