import COpenBLAS

/// Whether a factor of a product is transposed first.
enum Transpose {
    case none
    case transposed

    fileprivate var flag: CBLAS_TRANSPOSE { self == .none ? CblasNoTrans : CblasTrans }
}

/// Sets c (m, n) to `scale · op(a) op(b) + keep · c`, all row-major, on the calling thread.
///
/// The gradients of `y = a b` take both transposes: `da = dy bᵀ`, `db = aᵀ dy`. `strides` says how far apart the rows of
/// c, a and b are as they are in memory; nil if they are dense.
func product(
    into c: Floats, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, m: Int, n: Int, k: Int,
    _ transposeA: Transpose = .none, _ transposeB: Transpose = .none, scale: Float = 1, keep: Float = 0,
    strides: (c: Int?, a: Int?, b: Int?) = (nil, nil, nil)
) {
    _ = staysOnTheCallingThread
    cblas_sgemm(
        CblasRowMajor, transposeA.flag, transposeB.flag, Int32(m), Int32(n), Int32(k),
        scale, a, Int32(strides.a ?? (transposeA == .none ? k : m)), b,
        Int32(strides.b ?? (transposeB == .none ? n : k)),
        keep, c, Int32(strides.c ?? n))
}

/// OpenBLAS stays on the calling thread from a process's first product on: a step's threads are its own, small products
/// lose by sharing, and one that is split over threads may have other last bits.
private let staysOnTheCallingThread: Void = openblas_set_num_threads(1)
