internal import CKernels

/// A team of threads that runs short regions together.
final class Team {
    let threads: Int
    private let handle: OpaquePointer

    /// Starts `threads - 1` threads next to the caller's.
    init(threads: Int) throws(KernelError) {
        guard let handle = ck_team_create(Int32(threads)) else { throw .cannotStartThreads(threads) }
        self.threads = threads
        self.handle = handle
    }

    deinit {
        ck_team_destroy(handle)
    }

    /// Runs `body` for each piece of work on whichever thread is free next, and waits for all.
    ///
    /// Bodies run concurrently: each may write only what no other touches. What a piece computes may depend on its
    /// number only, so it does not matter which thread that is.
    func share(_ pieces: Int, _ body: (Int) -> Void) {
        Pieces.withBody(body) { ck_team_share(handle, pieces, $0, $1) }
    }

    /// Runs `body` over about equal ranges that cover `0..<count`, one per thread.
    func split(_ count: Int, _ body: (Range<Int>) -> Void) {
        share(threads) { body(count * $0 / threads..<count * ($0 + 1) / threads) }
    }
}

/// What threads do for each piece of some work, in the form that C calls.
final class Pieces {
    private let body: (Int) -> Void

    private init(body: @escaping (Int) -> Void) {
        self.body = body
    }

    /// Hands a body to C for as long as `call` lasts.
    static func withBody(
        _ body: (Int) -> Void,
        _ call: (@convention(c) (UnsafeMutableRawPointer?, Int) -> Void, UnsafeMutableRawPointer) -> Void
    ) {
        withoutActuallyEscaping(body) { body in
            let pieces = Pieces(body: body)
            withExtendedLifetime(pieces) {
                call(
                    { context, piece in
                        guard let context else { return }
                        Unmanaged<Pieces>.fromOpaque(context).takeUnretainedValue().body(piece)
                    }, Unmanaged.passUnretained(pieces).toOpaque())
            }
        }
    }
}

/// Memory that a team's threads write without minding each other: each has its own, made when it first asks.
final class PerThread<Memory> {
    private let make: () -> Memory
    private let memories: UnsafeMutableBufferPointer<Memory?>

    /// For a team of so many threads.
    init(threads: Int, _ make: @escaping () -> Memory) {
        self.make = make
        memories = .allocate(capacity: threads)
        memories.initialize(repeating: nil)
    }

    deinit {
        memories.deinitialize()
        memories.deallocate()
    }

    /// The calling thread's.
    var own: Memory {
        let number = Int(ck_thread_number())
        if let memory = memories[number] { return memory }
        let memory = make()
        memories[number] = memory
        return memory
    }
}
