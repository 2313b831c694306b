import Foundation

/// A batch script as a value: what `sbatch` gets to read.
///
/// One agent is a plain job, several are one array, because `%A_%a` means nothing outside an array.
public struct BatchScript: Sendable, Equatable {
    /// The job's unique name, by which it is found again when `sbatch` gave no answer.
    public var name: String
    /// How many agents to start.
    public var agentCount: Int
    /// The SLURM resources of each agent, by `sbatch`'s long option names (`mem`, `partition`, `exclude`).
    public var resources: [String: String]
    /// How long before the time limit SLURM should send SIGUSR1; it may do so half a minute earlier.
    public var warning: Duration
    /// The folder that the agents run in; they look there for a `.env` file.
    public var workingDirectory: String
    /// The existing folder for agents' logs; SLURM writes nothing at all into a missing one.
    public var logs: String
    /// Variables to set, in order.
    ///
    /// No secrets: scripts can be read by others.
    public var variables: [Variable]
    /// What every agent runs: an absolute path and its arguments.
    public var command: [String]

    /// A variable of the agents' environment.
    public struct Variable: Sendable, Equatable {
        var name: String
        var value: String

        /// Describes a variable.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Describes a batch script; all paths are absolute.
    public init(
        name: String, agentCount: Int, resources: [String: String] = [:], warning: Duration = .seconds(120),
        workingDirectory: String, logs: String, variables: [Variable], command: [String]
    ) {
        self.name = name
        self.agentCount = agentCount
        self.resources = resources
        self.warning = warning
        self.workingDirectory = workingDirectory
        self.logs = logs
        self.variables = variables
        self.command = command
    }

    /// The script's text.
    ///
    /// It ends in `exec`, so the agent itself gets the signals meant for the batch process.
    /// `sbatch` passes the caller's environment on by default; that is how `WANDB_API_KEY` reaches the
    /// agents without appearing in the script or on a command line.
    public var text: String {
        let log = agentCount > 1 ? Self.arrayLog : Self.jobLog
        var options = ["job-name=\(name)"]
        if agentCount > 1 { options.append("array=1-\(agentCount)") }
        let asked = ["cpus-per-task": "1"].merging(resources) { _, asked in asked }
        options += ["nodes=1", "ntasks=1"]
        options += asked.sorted { $0.key < $1.key }.map { $0.key + "=" + Self.quotedOption($0.value) }
        options += [
            // To the batch process alone: that is the agent itself.
            "signal=B:USR1@\(warning.components.seconds)",
            "chdir=" + Self.quotedOption(workingDirectory),
            "output=" + Self.quotedOption(logs.replacingPercents + "/" + log),
            "open-mode=append", "requeue",
        ]
        let lines =
            ["#!/bin/sh"] + options.map { "#SBATCH --" + $0 }
            + variables.map { "export \($0.name)=\(Self.quotedWord($0.value))" }
            + ["exec " + command.map(Self.quotedWord).joined(separator: " ")]
        return lines.joined(separator: "\n") + "\n"
    }

    /// A script for one more agent: a plain job's, whatever array the original starts.
    ///
    /// - Parameter text: The text of a script.
    /// - Returns: The same without its array.
    public static func single(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).compactMap { line -> Substring? in
            if line.hasPrefix("#SBATCH --array=") { return nil }
            guard line.hasPrefix("#SBATCH --output="), let log = line.range(of: arrayLog, options: .backwards) else {
                return line
            }
            return line[..<log.lowerBound] + jobLog + line[log.upperBound...]
        }
        return lines.joined(separator: "\n")
    }

    private static let arrayLog = "%A_%a.log"
    private static let jobLog = "%j.log"

    /// A value as `sbatch` reads it from an `#SBATCH` line.
    private static func quotedOption(_ value: String) -> String {
        guard !value.utf8.allSatisfy(isPlain) else { return value }
        var quoted = ""
        for character in value {
            if character == "\"" || character == "\\" { quoted.append("\\") }
            quoted.append(character)
        }
        return "\"" + quoted + "\""
    }

    /// A word as the shell reads it.
    private static func quotedWord(_ word: String) -> String {
        guard word.isEmpty || !word.utf8.allSatisfy(isPlain) else { return word }
        return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
            + "'"
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-_./%:=+,@".utf8.contains(byte)
        }
    }
}

extension String {
    /// The text with every percent sign doubled: in a log's name, a single one begins a pattern.
    fileprivate var replacingPercents: String {
        split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%")
    }
}
