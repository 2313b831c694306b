#pragma once
#include <lz4.h>
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

// zlib's own name for this is a macro, which Swift does not see.
static inline int inflate_init_for(z_stream *stream, int window_bits) { return inflateInit2(stream, window_bits); }
