import Artifacts
import Foundation
import Glibc
import JSON

/// Where and how a run is executed, under the names that W&B's own client gives it.
enum RunEnvironment {
    /// The release of W&B's client whose protocol this one speaks.
    static let protocolVersion = "0.31.0"

    /// What W&B shows next to a run's config: machine, program, commit, place in SLURM's queue.
    ///
    /// - Parameters:
    ///   - description: the run.
    ///   - startedAt: when it first started, in seconds since 1970.
    /// - Returns: the content of `wandb-metadata.json`.
    static func metadata(_ description: RunDescription, startedAt: Double) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("os", .string(system)), .init("startedAt", .string(SpoolWriter.consoleTime(startedAt) + "Z")),
            .init("root", .string(FileManager.default.currentDirectoryPath)),
            .init("executable", .string(CommandLine.arguments.first ?? "")),
            .init("args", .array(CommandLine.arguments.dropFirst().map { .string($0) })),
            .init("cpu_count", .number(ProcessInfo.processInfo.processorCount)),
            .init("cpu_count_logical", .number(ProcessInfo.processInfo.processorCount)),
            // W&B's client writes 64-bit numbers as texts.
            .init("memory", .object([.init("total", .string(String(ProcessInfo.processInfo.physicalMemory)))])),
            .init("writerId", .string(description.id)),
        ]
        if let host = description.host { members.append(.init("host", .string(host))) }
        if let program = description.program { members.append(.init("program", .string(program))) }
        if let model = ThisMachine.processor { members.append(.init("cpu", .object([.init("model", .string(model))]))) }
        let git = [("remote", description.repository), ("commit", description.commit)].compactMap { name, value in
            value.map { JSONValue.Member(name, .string($0)) }
        }
        if !git.isEmpty { members.append(.init("git", .object(git))) }
        let slurm = ProcessInfo.processInfo.environment.filter { $0.key.hasPrefix("SLURM_") && $0.key.hasSuffix("_ID") }
            .sorted { $0.key < $1.key }
            .map { JSONValue.Member($0.key.dropFirst("SLURM_".count).lowercased(), .string($0.value)) }
        if !slurm.isEmpty { members.append(.init("slurm", .object(slurm))) }
        return .object(members)
    }

    /// What W&B's client writes for its platform.
    static var platform: String {
        #if arch(x86_64)
            "linux-x86_64"
        #else
            "linux-aarch64"
        #endif
    }

    private static var system: String {
        var names = utsname()
        guard uname(&names) == 0 else { return "Linux" }
        func text<Field>(_ field: Field) -> String {
            withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return "Linux-\(text(names.release))-\(text(names.machine))"
    }
}
