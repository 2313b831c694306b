import Foundation
import Synchronization
import WandB

/// A set of figures that is being drawn on its own thread.
final class Drawing: Sendable {
    typealias NamedMedia = [(name: String, medium: Media)]

    /// The step that it is of.
    let step: Int
    private let result = Mutex<Result<NamedMedia, any Error>?>(nil)
    private let isOver = NSCondition()
    private let fallback: @Sendable () -> NamedMedia

    /// Begins to draw.
    ///
    /// - Parameters:
    ///   - step: The step that it is of.
    ///   - body: Draws, and gives what to show.
    ///   - otherwise: What to show if that fails.
    init(
        step: Int, _ body: @escaping @Sendable () throws -> NamedMedia, otherwise: @escaping @Sendable () -> NamedMedia
    ) {
        self.step = step
        fallback = otherwise
        let thread = Thread { [self] in
            let outcome = Result { () throws -> NamedMedia in try body() }
            isOver.lock()
            result.withLock { $0 = outcome }
            isOver.broadcast()
            isOver.unlock()
        }
        thread.name = "figures"
        thread.start()
    }

    /// Whether it is over.
    var isDone: Bool { result.withLock { $0 != nil } }

    /// What to show; waits for it.
    var media: NamedMedia {
        switch outcome {
        case .success(let media): media
        case .failure: fallback()
        }
    }

    /// Why it failed, if it did; waits for it.
    var failure: String? {
        if case .failure(let error) = outcome { "\(error)" } else { nil }
    }

    private var outcome: Result<NamedMedia, any Error> {
        isOver.lock()
        defer { isOver.unlock() }
        while true {
            if let outcome = result.withLock({ $0 }) { return outcome }
            isOver.wait()
        }
    }
}
