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
        withoutActuallyEscaping(body) { body in
            let region = Region(body: body)
            ck_team_share(
                handle, pieces,
                { context, piece in
                    guard let context else { return }
                    Unmanaged<Region>.fromOpaque(context).takeUnretainedValue().body(piece)
                }, Unmanaged.passUnretained(region).toOpaque())
        }
    }

    /// Runs `body` over about equal ranges that cover `0..<count`, one per thread.
    func split(_ count: Int, _ body: (Range<Int>) -> Void) {
        share(threads) { body(count * $0 / threads..<count * ($0 + 1) / threads) }
    }

    private final class Region {
        let body: (Int) -> Void

        init(body: @escaping (Int) -> Void) {
            self.body = body
        }
    }
}
