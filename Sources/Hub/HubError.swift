/// Why a model or a data set cannot be had from the Hugging Face hub or its caches.
public struct HubError: Error, Equatable, CustomStringConvertible {
    /// What kind of trouble it is.
    public enum Cause: Sendable, Equatable {
        /// The name, or a file in it, does not exist, or is not one this program can use.
        case unusable
        /// A token is needed, or the one there is does not do.
        case refused
        /// The hub cannot be reached, or may not be asked.
        case unreachable
        /// What was downloaded cannot be kept.
        case disk
        /// The user gave up on it.
        case cancelled
    }

    /// What kind of trouble it is.
    public let cause: Cause
    /// One readable line: what happened, to what, what to do.
    public let description: String

    /// Creates an error.
    public init(_ cause: Cause, _ description: String) {
        self.cause = cause
        self.description = description
    }
}
