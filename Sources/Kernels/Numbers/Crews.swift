internal import CKernels

/// How the threads of a team share the parts of a step: each part is led by one thread, and threads that have no part help
/// with the pieces of the others'.
final class Crews {
    fileprivate let handle: OpaquePointer
    private let team: Team
    /// How many parts there is room for.
    private let parts: Int

    /// - Throws: `outOfMemory`.
    init(parts: Int, team: Team) throws(KernelError) {
        guard let handle = ck_crews_create(parts) else { throw .outOfMemory }
        self.handle = handle
        self.team = team
        self.parts = parts
    }

    deinit {
        ck_crews_destroy(handle)
    }

    /// The threads of one part.
    subscript(part: Int) -> Crew {
        guard team.threads > 1 else { return .alone }
        return Crew(crews: self, part: part, threads: (team.threads + parts - 1) / parts)
    }

    /// Runs `body` for each part, and waits for all.
    func share(_ body: (_ part: Int) -> Void) { run(parts, body) }

    /// Runs `body` for each of some parts with its crew, and waits for all; no more parts than there is room for.
    ///
    /// Where the last parts leave few threads idle, each part has one thread.
    func share(_ parts: Int, _ body: (_ part: Int, _ crew: Crew) -> Void) {
        let places = (parts + team.threads - 1) / team.threads * team.threads
        guard (places - parts) * 7 > places else { return team.share(parts) { body($0, .alone) } }
        let threads = (team.threads + parts - 1) / parts
        run(parts) { body($0, Crew(crews: self, part: $0, threads: threads)) }
    }

    private func run(_ parts: Int, _ body: (_ part: Int) -> Void) {
        ck_crews_begin(handle, parts)
        // A thread that has helped goes on once all parts are done, so no more than these come to help.
        team.share(parts + team.threads - 1) { piece in
            guard piece < parts else { return ck_crews_help(handle, piece % parts) }
            body(piece)
            ck_crews_end(handle)
        }
    }
}

/// The threads that work on one part of a step: the one that leads it, and whichever come to help.
struct Crew {
    /// A single thread.
    static var alone: Crew { Crew(crews: nil, part: 0, threads: 1) }

    private let crews: Crews?
    private let part: Int
    /// How many threads there are for each part.
    private let threads: Int

    fileprivate init(crews: Crews?, part: Int, threads: Int) {
        self.crews = crews
        self.part = part
        self.threads = threads
    }

    var isAlone: Bool { crews == nil }

    /// Runs `body` for each piece of the part's work, and waits for all; only the thread that leads the part may call it.
    ///
    /// As with a team, bodies run concurrently, and what a piece computes may depend on its number only.
    func share(_ pieces: Int, _ body: (Int) -> Void) {
        guard let crews, pieces > 1 else {
            for piece in 0..<pieces { body(piece) }
            return
        }
        Pieces.withBody(body) { ck_crews_share(crews.handle, part, pieces, $0, $1) }
    }

    /// Runs `body` over ranges of about `size` that cover `0..<count`.
    func share(_ count: Int, by size: Int, _ body: (Range<Int>) -> Void) {
        share((count + size - 1) / size) { body($0 * size..<min(($0 + 1) * size, count)) }
    }

    /// Runs `body` over ranges of a block's elements, each worth coming to help for.
    func shareElements(_ count: Int, _ body: (Range<Int>) -> Void) {
        share(count, by: isAlone ? max(count, 1) : 1 << 13, body)
    }

    /// Runs `body` over ranges of a block's columns, what it computes of one being the same whatever others there are.
    func shareColumns(_ count: Int, _ body: (Range<Int>) -> Void) {
        share(count, by: columns(of: count), body)
    }

    /// How many columns a range of `shareColumns` has at most: whole panels of a packed product.
    ///
    /// There are two ranges for each thread, no more: a block's rows are mostly a power of two apart, and a cache has room
    /// for few pieces of them.
    func columns(of count: Int) -> Int {
        let narrow = (count / (2 * threads) + 31) & ~31
        return max(32, min(Self.mostColumns, narrow))
    }

    private static let mostColumns = 256
}
