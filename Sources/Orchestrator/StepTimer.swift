import Experiments
import Foundation
import Glibc

/// Lets the worker time optimiser steps on this machine, for a moment.
struct StepTimer {
    let worker: String
    let environment: [String: String]
    let threads: Int

    /// The longest that the timing of one experiment may take.
    static let patience = Duration.seconds(3)
    /// How long each config is timed.
    private static let share = Duration.milliseconds(500)

    /// What the worker said of each config: seconds per step, or why they are not known.
    ///
    /// - Throws: ``Failure/interrupted`` on ^C.
    func times(_ drafts: [SpecDraft]) throws(Failure) -> [Result<Double, Failure>] {
        let process = Process()
        process.executableURL = URL(filePath: worker)
        process.arguments =
            ["time-steps", "--threads", String(threads), "--milliseconds", String(Int(Self.share / .milliseconds(1)))]
            + drafts.map(Self.question)
        process.environment = environment.merging(
            LocalAgents.threadVariables(threads).map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        let pipe = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch {
            let failure = Failure.failed("\(worker) cannot be run: \(error.localizedDescription)")
            return drafts.map { _ in .failure(failure) }
        }
        defer {
            // It inherits this thread's signal mask, which may hold back anything milder.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        let (answers, hasEnded) = try Self.lines(pipe.fileHandleForReading.fileDescriptor, atMost: drafts.count)
        let reason =
            hasEnded
            ? "this worker cannot time steps"
            : "a step could not be timed within \(StatusText.time(Self.patience))"
        return drafts.indices.map { index in
            index < answers.count ? Self.answer(answers[index]) : .failure(.failed(reason))
        }
    }

    /// Reads lines until there are enough, no more come, or patience ends.
    private static func lines(
        _ descriptor: Int32, atMost count: Int
    ) throws(Failure) -> (lines: [Substring], hasEnded: Bool) {
        let start = ContinuousClock.now
        var bytes: [UInt8] = []
        var lines: [Substring] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while lines.count < count, .now - start < patience {
            try Interruption.check()
            var readiness = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&readiness, 1, 50) > 0 else { continue }
            let length = read(descriptor, &buffer, buffer.count)
            guard length > 0 else { return (lines, true) }
            bytes += buffer[..<length]
            let text = String(decoding: bytes, as: UTF8.self)
            // What follows the last line break is not whole yet.
            lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { $0 }
        }
        return (lines, false)
    }

    private static func question(_ draft: SpecDraft) -> String {
        var entries = [ConfigValue.Entry("config", .string(draft.config.json()))]
        if let target = draft.target { entries.append(.init("target", .string(target.canonicalJSON()))) }
        return ConfigValue.map(entries).json
    }

    private static func answer(_ line: Substring) -> Result<Double, Failure> {
        struct Answer: Decodable {
            let secondsPerStep: Double?
            let error: String?
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            let answer = try decoder.decode(Answer.self, from: Data(line.utf8))
            guard let seconds = answer.secondsPerStep else {
                return .failure(.failed(answer.error ?? "the worker could not time a step"))
            }
            return .success(seconds)
        } catch {
            return .failure(.failed("this worker cannot time steps"))
        }
    }
}
