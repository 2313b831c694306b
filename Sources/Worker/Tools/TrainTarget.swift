import ArgumentParser
import Experiments
import Foundation
import Runs

extension Worker {
    /// Trains a target by hand.
    struct TrainTarget: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "train-target",
            abstract: "Train a target model from its training config.",
            discussion: """
                Writes the weights (.safetensors), the config as it ran, and metadata.json into a new folder, and a toy
                model's figures into figures/.
                Tries seeds, starting with the config's, until every feature is represented.

                EXAMPLE
                  worker train-target sweeps/experiments/tms_5-2_target.yaml --out my_target
                  # then, in an experiment: pretrained_model_path: my_target/tms.safetensors
                """)

        @Argument(help: "The training config (YAML).")
        var config: String

        @Option(help: ArgumentHelp("The folder to create.", valueName: "folder"))
        var out: String

        @Option(help: ArgumentHelp("Threads (default: all cores).", valueName: "count"))
        var threads: Int?

        mutating func run() throws {
            StopRequest.listen()
            let target: TargetConfig
            do {
                target = try TargetConfig.load(path: config)
            } catch {
                throw RunError.invalid("\(error)")
            }
            guard !FileManager.default.fileExists(atPath: out) else {
                throw RunError.invalid("\(out) exists; --out names a folder to create")
            }
            let line = ProgressLine()
            var hooks = RunHooks(
                shouldStop: { StopRequest.isMade }, progress: { _ in },
                say: {
                    line.clear()
                    print($0)
                })
            hooks.training = { line.show(RunLog.line($0)) }
            let folder = out.hasSuffix("/") ? String(out.dropLast()) : out
            let isDone = try TargetCache.train(
                target, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount, into: folder, hooks: hooks)
            line.clear()
            guard isDone else { throw ExitCode(130) }
            print("the target is in \(out)")
            draw(target, in: folder)
        }

        /// Draws the target's figures next to it; a target without them is as good.
        private func draw(_ target: TargetConfig, in folder: String) {
            do {
                let weights = "\(folder)/\(target.kind.weightsStem).safetensors"
                let corner = URL(filePath: folder).lastPathComponent
                let figures = try TargetFigures.all(of: weights, target, corner: corner)
                guard !figures.isEmpty else { return }
                try FigureWriter().write(figures, as: [.png], into: folder + "/figures")
                print("its figures are in \(folder)/figures")
            } catch {
                print("it has no figures: \(error)")
            }
        }
    }
}
