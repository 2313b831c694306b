internal import CKernels
internal import COpenBLAS

/// The hardware that the arithmetic runs on.
public enum Processor {
    /// The CPU's level: `x86-64-v4` with AVX-512, `x86-64-v3` with AVX2.
    public static var level: String { String(cString: ck_cpu_level()) }

    /// Which of OpenBLAS's kernels are in use, by the CPU they were written for.
    public static var openBLASCore: String { String(cString: openblas_get_corename()) }

    /// OpenBLAS's version and how it was built.
    public static var openBLAS: String { String(cString: openblas_get_config()) }
}
