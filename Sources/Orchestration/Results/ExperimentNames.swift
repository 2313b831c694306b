import Experiments
import Foundation

/// The experiments that a command line names.
package enum ExperimentNames {
    /// The names and files in `lists`, separated by commas; without any list every published experiment.
    ///
    /// - Throws: An empty list, a name given twice, and files that would give two experiments one name.
    package static func read(_ lists: [String]) throws(Failure) -> [String] {
        guard !lists.isEmpty else { return Registry.names }
        let names = lists.flatMap(split)
        guard !names.isEmpty else { throw .badInput("--experiments names no experiment") }
        var files: [String: String] = [:]
        for name in names {
            guard let other = files.updateValue(name, forKey: Experiment.name(ofFile: name)) else { continue }
            throw .badInput(
                other == name
                    ? "--experiments names '\(name)' twice"
                    : "--experiments names two experiments called \(Experiment.name(ofFile: name)): \(other) and "
                        + "\(name); give one of the files another name")
        }
        return names
    }

    /// The parts between commas; those that together are the path of a file are one.
    private static func split(_ list: String) -> [String] {
        let parts = list.split(separator: ",", omittingEmptySubsequences: false)
        var names: [String] = []
        var start = 0
        while start < parts.count {
            let ends = (start + 1...parts.count).reversed()
            let end = ends.first { $0 > start + 1 && isFile(parts[start..<$0].joined(separator: ",")) } ?? start + 1
            let name = parts[start..<end].joined(separator: ",").trimmingCharacters(in: .whitespaces)
            if !name.isEmpty { names.append(name) }
            start = end
        }
        return names
    }

    private static func isFile(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(
            atPath: path.trimmingCharacters(in: .whitespaces), isDirectory: &isFolder) && !isFolder.boolValue
    }
}
