import Experiments
import Jobs
import Store

extension StoredSpec {
    /// Reads the spec of a run.
    ///
    /// - Throws: For a text that another version has written, or that is damaged.
    init(_ spec: Spec) throws(ConfigError) {
        try self.init(config: spec.config, target: spec.target, source: "the spec of run \(spec.run)")
    }

    /// Reads the spec that a command asks about.
    ///
    /// - Throws: For a text that another version has written, or that is damaged.
    init(_ question: WorkerQuestion.Spec, source: String = "the spec") throws(ConfigError) {
        try self.init(config: question.config, target: question.target, source: source)
    }
}
