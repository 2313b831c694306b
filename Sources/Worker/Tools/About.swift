import ArgumentParser
import Figures
import Foundation
import HTTP
import JSON
import Kernels
import Version
import WandB

extension Worker {
    /// Tells what this worker finds on the node it is on.
    struct About: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "about",
            abstract: "Show this machine's CPU, OpenBLAS kernels, libcurl and Cairo.",
            discussion: "`orchestrator doctor` says what to fix.")

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws {
            let report = Report()
            if json {
                print(try JSONText.encode(report), terminator: "")
            } else {
                print(report.text)
            }
        }
    }

    /// The output of `about`.
    struct Report: Encodable {
        let version = ProgramVersion.number
        let cpuLevel = Processor.level
        let openblas = Processor.openBLAS
        let openblasCore = Processor.openBLASCore
        let libcurl: String?
        let libcurlTrouble: String?
        let cairoTrouble: String?

        init() {
            do throws(HTTPError) {
                (libcurl, libcurlTrouble) = (try Libcurl.version(), nil)
            } catch {
                (libcurl, libcurlTrouble) = (nil, "\(error)")
            }
            do throws(FigureError) {
                _ = try Cairo()
                cairoTrouble = nil
            } catch {
                cairoTrouble = "\(error)"
            }
        }

        var text: String {
            """
            worker \(version)
            CPU: \(cpuLevel)
            OpenBLAS: kernels for \(openblasCore) (\(openblas))
            libcurl: \(libcurl ?? libcurlTrouble ?? "")
            Cairo: \(cairoTrouble ?? "found")
            """
        }
    }
}
