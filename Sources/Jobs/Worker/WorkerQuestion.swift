import Artifacts
import Foundation
import JSON

/// What commands ask a worker besides training specs, as a file that one writes and the other reads.
///
/// Configs are texts, JSON as in the state file.
public enum WorkerQuestion {
    /// A spec whose time, memory or observers are asked for.
    public struct Spec: Codable, Sendable {
        /// The config.
        public let config: String
        /// How its target is trained, where it is.
        public let target: String?

        /// Describes the spec.
        public init(config: String, target: String?) { (self.config, self.target) = (config, target) }

        /// Reads what ``text`` wrote.
        ///
        /// - Throws: `DecodingError` for text that is none.
        public init(parsing text: String) throws { self = try JSONText.decode(Data(text.utf8)) }

        /// The spec as one line of JSON.
        public var text: String {
            get throws { try JSONText.line(self) }
        }
    }

    /// A spec that is trained without a job, for `orchestrator run`.
    public struct TrialSpec: Codable, Sendable {
        /// The run's name, and the experiment it is of.
        public let run, experiment: String
        /// The config.
        public let config: String
        /// How its target is trained, if it is.
        public let target: String?
        /// The copy of the target's files, if the config names files.
        public let targetFiles: String?
        /// The run's folder.
        public let folder: String

        /// Describes the spec.
        public init(
            run: String, experiment: String, config: String, target: String?, targetFiles: String?, folder: String
        ) {
            (self.run, self.experiment, self.config) = (run, experiment, config)
            (self.target, self.targetFiles, self.folder) = (target, targetFiles, folder)
        }
    }

    /// A finished run whose observers are asked afterwards, for `orchestrator observe`.
    public struct Observation: Codable, Sendable {
        /// The run.
        public let run: TrialSpec
        /// Where observers work.
        public let out: String
        /// Where their copies are.
        public let observers: String
        /// The steps to look at; all whose weights were kept if empty.
        public let steps: [Int]

        /// Describes the object under inspection.
        public init(run: TrialSpec, out: String, observers: String, steps: [Int]) {
            (self.run, self.out, self.observers, self.steps) = (run, out, observers, steps)
        }
    }

    /// A text to show with what matters where, for `orchestrator ui`.
    public struct Explanation: Codable, Sendable {
        /// The config.
        public let config: String
        /// How its target is trained, if it is.
        public let target: String?
        /// The copy of the target's files, if the config names files.
        public let targetFiles: String?
        /// The file of the decomposition's weights.
        public let weights: String
        /// The text that the user typed; nil for rows of the run's split.
        public let text: String?
        /// The first row, and how many.
        public let first, count: Int?

        /// Describes the text.
        public init(
            config: String, target: String?, targetFiles: String?, weights: String, text: String?, first: Int?,
            count: Int?
        ) {
            (self.config, self.target, self.targetFiles, self.weights) = (config, target, targetFiles, weights)
            (self.text, self.first, self.count) = (text, first, count)
        }
    }

    /// Reads what a command has written.
    ///
    /// - Parameter path: The file.
    /// - Returns: The question.
    /// - Throws: `FileError` for a file that can't be read, `DecodingError` for one that asks something else.
    public static func read<Question: Decodable>(_ path: String) throws -> Question {
        try JSONText.decode(Data(try DurableFile.read(path, limit: 1 << 24)))
    }
}
