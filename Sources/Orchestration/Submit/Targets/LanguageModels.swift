import Artifacts
package import Experiments
import Foundation
import Jobs
package import Store

/// Language models and texts that a submission's configs name, brought here before anything is stored.
///
/// Compute nodes may have no way to the internet. The worker does it, which knows models and tokenizers.
package struct LanguageModels {
    package let worker: String
    package let cache: CacheFolder
    package let environment: [String: String]

    /// The specs, each with the file that says where its model and its text are.
    ///
    /// Models that are trained here are the agents' business, with their own text; another has to be here.
    ///
    /// - Throws: What is missing or wrong.
    package func taking(_ specs: [NewSpec], of drafts: [SpecDraft]) throws(Failure) -> [NewSpec] {
        var specs = specs
        var known: [String: String] = [:]
        for (index, draft) in drafts.enumerated() {
            guard let key = draft.thingsToFetch else { continue }
            if known[key] == nil { known[key] = try fetch(draft) }
            if draft.target == nil { specs[index].targetFiles = known[key] }
        }
        return specs
    }

    /// Checks what configs name without downloading or encoding anything.
    ///
    /// - Throws: What is missing or wrong, with the places of the keys that are to blame.
    package func check(_ drafts: [SpecDraft]) throws(Failure) {
        var known: Set<String> = []
        var problems: [String] = []
        for draft in drafts {
            guard let things = draft.thingsToFetch, known.insert(things).inserted else { continue }
            let (status, answer) = try ask(["fetch-language", "--check"], draft.config.json())
            let unknown = "\(worker) cannot check language models; nothing was stored"
            guard status == 0 else { throw .failed("\(unknown) (\(Self.words(forEnd: status)))") }
            let obstacle: WorkerAnswer.Obstacle
            do { obstacle = try WorkerAnswer.read(answer) } catch {
                throw .failed("\(unknown) (\(error))")
            }
            if let key = obstacle.key, let reason = obstacle.reason { problems.append(draft.problem(key, reason)) }
        }
        guard problems.isEmpty else { throw .badInput(problems.joined(separator: "\n")) }
    }

    private func fetch(_ draft: SpecDraft) throws(Failure) -> String {
        let (status, answer) = try ask(["fetch-language"], draft.config.json())
        if status == 0, !answer.isEmpty { return answer }
        if status == 130 { throw .interrupted }
        let unknown = "the language model or its text could not be fetched (\(worker): \(Self.words(forEnd: status))"
        // What ended without an answer has said why.
        guard !answer.isEmpty else { throw .failed("\(unknown)); nothing was stored") }
        let told: WorkerAnswer.Obstacle
        do { told = try WorkerAnswer.read(answer) } catch { throw .failed("\(unknown): \(error)); nothing was stored") }
        guard let reason = told.reason else { throw .failed("\(unknown)); nothing was stored") }
        let text = told.key.map { draft.problem($0, reason) } ?? reason
        throw status == 2 ? .badInput("\(text); nothing was stored") : .failed("\(text); nothing was stored")
    }

    /// About how much memory runs take, in bytes, according to the worker, which knows the models' shapes.
    ///
    /// - Returns: Nil for those whose target's shape is not known.
    /// - Throws: What keeps the worker from answering, or ^C.
    package func memory(of drafts: [SpecDraft]) throws(Failure) -> [Int?] {
        let unknown = "\(worker) cannot estimate the memory of language-model runs"
        let questions = try drafts.map { draft throws(Failure) in try WorkerQuestion.Spec(draft).line }
        let (status, answer) = try ask(["tell-memory"], questions.joined(separator: "\n"))
        let lines = answer.split(separator: "\n")
        guard status == 0, lines.count == drafts.count else { throw .failed(unknown) }
        do {
            return try lines.map { line in
                let told: WorkerAnswer.Memory = try WorkerAnswer.read(line)
                return told.bytes
            }
        } catch {
            throw .failed("\(unknown): \(error)")
        }
    }

    /// How the worker has ended, in words.
    private static func words(forEnd status: Int32) -> String {
        status > 128 ? "it was ended by signal \(status - 128)" : "it ended with \(status)"
    }

    /// Gives the worker lines, and waits for what it says.
    private func ask(_ arguments: [String], _ lines: String) throws(Failure) -> (status: Int32, answer: String) {
        let process = ForegroundProcess(
            [worker] + arguments, environment: environment.merging([CacheFolder.variable: cache.path]) { $1 },
            input: Array((lines + "\n").utf8), output: .captured)
        let end: ForegroundProcess.End
        do throws(Spawn.Reason) { end = try process.run() } catch {
            throw .failed("\(worker) cannot be started: \(error)")
        }
        try Interruption.check()
        return (end.status, String(decoding: end.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }
}

extension SpecDraft {
    /// What it names that has to be on this machine; nil for nothing.
    fileprivate var thingsToFetch: String? { config.thingsToFetch(targetIsTrained: target != nil) }
}

extension Submission {
    /// Checks the language models and texts that specs name and that have to be fetched.
    ///
    /// - Throws: What is missing or wrong.
    package func checkLanguageModels() throws(Failure) {
        let texts = plan.drafts.compactMap { draft in
            TextCopies.obstacle(in: draft.target).map { draft.problem("pretrained_model_path", "text_file: \($0)") }
        }
        guard texts.isEmpty else {
            throw .badInput(NSOrderedSet(array: texts).compactMap { $0 as? String }.joined(separator: "\n"))
        }
        let drafts = plan.drafts.filter { $0.thingsToFetch != nil }
        guard !drafts.isEmpty else { return }
        try LanguageModels(worker: Program.worker(environment: environment), cache: cache, environment: environment)
            .check(drafts)
    }
}
