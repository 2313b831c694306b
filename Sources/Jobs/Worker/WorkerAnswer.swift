import Foundation
import JSON

/// What a worker answers commands, each as a line of JSON on its standard output.
public enum WorkerAnswer {
    /// What a run's time is made of, of `time-steps`.
    public struct Timing: Codable, Sendable {
        /// The seconds of a step, of a set of figures, and of what every run does once.
        public let secondsPerStep, secondsPerFigures, secondsPerRun: Double?
        /// Why they are not known.
        public let error: String?

        /// Tells the times.
        public init(secondsPerStep: Double, secondsPerFigures: Double, secondsPerRun: Double) {
            (self.secondsPerStep, self.secondsPerFigures) = (secondsPerStep, secondsPerFigures)
            (self.secondsPerRun, error) = (secondsPerRun, nil)
        }

        /// Says why they are not known.
        public init(error: String) {
            (secondsPerStep, secondsPerFigures, secondsPerRun, self.error) = (nil, nil, nil, error)
        }
    }

    /// How much memory a run takes, of `tell-memory`.
    public struct Memory: Codable, Sendable {
        /// About how many bytes; nil where the target's shape is not known.
        public let bytes: Int?
        /// Why that is not known.
        public let error: String?

        /// Tells the bytes, or why they are not known.
        public init(bytes: Int? = nil, error: String? = nil) { (self.bytes, self.error) = (bytes, error) }
    }

    /// How an observer did, of `try-observers`.
    public struct ObserverTrial: Codable, Sendable {
        /// The observer's name.
        public let observer: String
        /// How long it took.
        public let seconds: Double
        /// What it logs.
        public let metrics: [String]
        /// What is wrong with it.
        public let error: String?

        /// Tells how it did.
        public init(observer: String, seconds: Double, metrics: [String], error: String?) {
            (self.observer, self.seconds, self.metrics, self.error) = (observer, seconds, metrics, error)
        }
    }

    /// What keeps a config's model or text from being had, of `fetch-language`.
    public struct Obstacle: Codable, Sendable {
        /// The config's key that is to blame; nil where none is.
        public let key: String?
        /// The reason; nil where nothing is in the way.
        public let reason: String?

        /// Describes an obstacle, or none.
        public init(key: String?, reason: String?) { (self.key, self.reason) = (key, reason) }
    }

    /// What a machine has of the Hugging Face hub, of `look-at-hub`.
    public struct HubReport: Codable, Sendable {
        /// A folder of models or data sets.
        public struct Cache: Codable, Sendable {
            /// The folder.
            public let path: String
            /// How many it holds.
            public let entries: Int
            /// Why it cannot be listed; nil for one that can, or that does not exist.
            public let trouble: String?

            /// Describes a folder.
            public init(path: String, entries: Int, trouble: String?) {
                (self.path, self.entries, self.trouble) = (path, entries, trouble)
            }
        }

        /// The hub's address.
        public let endpoint: String
        /// The caches there are.
        public let caches: [Cache]
        /// Where the token comes from.
        public let tokenSource: String?
        /// Who the token belongs to, if the hub was asked.
        public var user: String?
        /// The variable that forbids to ask, or the option.
        public var silence: String?
        /// Why the hub gave no answer.
        public var trouble: String?
        /// Whether it gave one, and refused the token.
        public var isRefused = false

        /// Describes a machine before the hub is asked.
        public init(endpoint: String, caches: [Cache], tokenSource: String?) {
            (self.endpoint, self.caches, self.tokenSource) = (endpoint, caches, tokenSource)
        }
    }

    /// An answer as the line that the worker prints.
    public static func line(_ answer: some Encodable) throws -> String { try JSONText.line(answer) }

    /// Reads an answer.
    ///
    /// - Throws: `DecodingError` for text that is none.
    public static func read<Answer: Decodable>(_ line: some StringProtocol) throws -> Answer {
        try JSONText.decode(Data(line.utf8))
    }
}
