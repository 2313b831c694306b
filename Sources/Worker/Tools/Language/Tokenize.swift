import ArgumentParser
import Foundation
import JSON
import Runs
import Tokenizers

extension Worker {
    /// Encodes texts, to look at a tokenizer from outside.
    struct Tokenize: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "tokenize",
            abstract: "Tokenize texts with a model's tokenizer, to compare with another implementation.",
            discussion: """
                Reads one JSON string per line from standard input. Writes a line for each: the token ids, the
                characters that each token covers (counted as Unicode scalars), and the text that the tokens decode to.

                EXAMPLE
                  echo '"Once upon a time"' | worker tokenize SimpleStories-1.25M
                """)

        @Argument(help: "The model's folder, with a tokenizer.json, or a vocab.json and a merges.txt.")
        var folder: String

        @Flag(help: "Add the tokenizer's special tokens around each text.")
        var special = false

        func run() throws {
            let tokenizer = try Tokenizer(folder: folder)
            var number = 0
            while let line = readLine() {
                number += 1
                let encoding = try tokenizer.encode(try Self.text(of: line, number: number), addSpecialTokens: special)
                let result: JSONValue = [
                    "ids": .array(encoding.ids.map { .number(Int($0)) }),
                    "offsets": .array(encoding.offsets.map { [.number($0.lowerBound), .number($0.upperBound)] }),
                    "decoded": .string(try tokenizer.decode(encoding.ids)),
                ]
                print(result.text)
            }
        }

        private static func text(of line: String, number: Int) throws -> String {
            let value: JSONValue
            do {
                value = try JSONValue(parsing: line)
            } catch {
                throw RunError.invalid(
                    "standard input, line \(number): expected a JSON string, but it is not JSON: \(error)")
            }
            guard let text = value.string else {
                throw RunError.invalid(
                    "standard input, line \(number): expected a JSON string, found \(line.prefix(60))")
            }
            return text
        }
    }
}
