internal import CKernels

/// Sections that pieces of work pass through in their order, each on its own thread: what they add up has the same bytes
/// then, whichever thread works on which piece.
final class Turns {
    private let handle: OpaquePointer

    /// - Throws: `outOfMemory`.
    init(sections: Int) throws(KernelError) {
        guard let handle = ck_turns_create(sections) else { throw .outOfMemory }
        self.handle = handle
    }

    deinit {
        ck_turns_destroy(handle)
    }

    /// Lets pieces begin again from 0; nobody may be waiting.
    func restart() { ck_turns_restart(handle) }

    /// Waits until all earlier pieces have passed through a section.
    func reach(_ section: Int, piece: Int) { ck_turns_await(handle, section, UInt32(piece)) }

    /// Lets the next piece into a section.
    func pass(_ section: Int) { ck_turns_pass(handle, section) }
}
