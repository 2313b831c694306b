internal import CKernels

/// A team of threads that runs short regions together.
final class Team {
    let threads: Int
    private let handle: OpaquePointer

    /// Starts `threads - 1` threads beside the caller's.
    init(threads: Int) throws(KernelError) {
        guard let handle = ck_team_create(Int32(threads)) else { throw .cannotStartThreads(threads) }
        self.threads = threads
        self.handle = handle
    }

    deinit {
        ck_team_destroy(handle)
    }

    /// Calls `body` once on each thread with its number and waits for all.
    ///
    /// Bodies run concurrently: each may write only what no other touches.
    func run(_ body: (Int) -> Void) {
        withoutActuallyEscaping(body) { body in
            let region = Region(body: body)
            ck_team_run(
                handle,
                { context, thread in
                    guard let context else { return }
                    Unmanaged<Region>.fromOpaque(context).takeUnretainedValue().body(Int(thread))
                }, Unmanaged.passUnretained(region).toOpaque())
        }
    }

    private final class Region {
        let body: (Int) -> Void

        init(body: @escaping (Int) -> Void) {
            self.body = body
        }
    }
}
