import ArgumentParser
import Foundation
import Hub
import JSON
import Layout
import Runs
import TextData

extension Worker {
    /// Prints the texts of a data set, to look at what training would read.
    struct Rows: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rows",
            abstract: "Print the texts of a data set, one JSON string or null per line.",
            discussion: """
                Takes a file (.parquet, .arrow, .jsonl, .txt; the last two also in .gz or .zst), a folder of such files,
                or the name of a data set that the Hugging Face hub's tools or `orchestrator submit` have downloaded.

                EXAMPLES
                  worker rows stories.jsonl.gz --column story
                  worker rows roneneldan/TinyStories --column text --split validation | head -3
                """)

        @Argument(help: ArgumentHelp("The file, the folder or the data set's name.", valueName: "file-or-name"))
        var source: String

        @Option(help: ArgumentHelp("The column that holds the texts.", valueName: "name"))
        var column: String

        @Option(help: ArgumentHelp("The split, if there are several.", valueName: "name"))
        var split = "train"

        mutating func run() throws {
            let environment = ProcessInfo.processInfo.environment
            let cache = try CacheFolder(environment: environment).hub
            let hub = Hub(settings: HubSettings(environment: environment), cache: cache)
            do {
                for file in try files(hub, cache: cache) {
                    try file.forEachText(column: column) { text in
                        print(text.map { JSONValue.string(String(decoding: $0, as: UTF8.self)).text } ?? "null")
                    }
                }
            } catch let error as TextDataError {
                throw RunError.invalid("\(error)")
            }
        }

        private func files(_ hub: Hub, cache: String) throws -> [DatasetFile] {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: source, isDirectory: &isFolder), !isFolder.boolValue {
                return [DatasetFile(path: source)]
            }
            guard let files = try hub.localFiles(source, split: split) else {
                throw RunError.invalid(
                    "\(source): no such file or folder, and no data set of that name in \(hub.settings.hubCache), "
                        + "\(hub.settings.datasetsCache) or \(cache)")
            }
            return files
        }
    }
}
