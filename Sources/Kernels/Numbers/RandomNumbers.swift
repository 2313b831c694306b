internal import CKernels
import Glibc

/// A source of random numbers that depends only on its name: the same seed, purpose and counters give the same numbers
/// on any number of threads, after any interruption.
struct RandomStream {
    let key: ck_key

    /// What the numbers are for; each purpose has streams of its own.
    enum Purpose: UInt64 {
        case batchActive = 1
        case batchValue
        case batchOrder
        case componentV
        case componentU
        case gate
        case mask
        case targetWeights
        case targetBatchActive
        case targetBatchValue
        case targetBatchOrder
        case targetLabels
        case evaluationActive
        case evaluationValue
        case evaluationOrder
    }

    init(seed: Int, _ purpose: Purpose, _ counters: Int...) {
        var state = UInt64(bitPattern: Int64(seed)) &+ 0x9E37_79B9_7F4A_7C15
        state = Self.mixed(state ^ (purpose.rawValue &* 0xD1B5_4A32_D192_ED03))
        for counter in counters {
            state = Self.mixed(state &+ UInt64(bitPattern: Int64(counter)) &* 0x8CB9_2BA7_2F3D_8DD7 &+ 1)
        }
        key = ck_key(low: UInt32(truncatingIfNeeded: state), high: UInt32(truncatingIfNeeded: state >> 32))
    }

    /// SplitMix64's finaliser.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform numbers in [0, 1).
    func uniform(_ count: Int) -> [Float] {
        Array(unsafeUninitializedCapacity: count) { buffer, initialized in
            if let base = buffer.baseAddress { ck_uniform(base, count, key, 0) }
            initialized = count
        }
    }

    /// Standard normal numbers, by Box and Muller.
    func normal(_ count: Int) -> [Float] {
        let uniforms = uniform(2 * ((count + 1) / 2))
        return (0..<count).map { index in
            let pair = index & ~1
            let radius = (-2 * log(1 - Double(uniforms[pair]))).squareRoot()
            let angle = 2 * Double.pi * Double(uniforms[pair + 1])
            return Float(radius * (index & 1 == 0 ? cos(angle) : sin(angle)))
        }
    }
}
