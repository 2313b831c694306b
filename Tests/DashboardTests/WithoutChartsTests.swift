import Foundation
import TestFiles
import Testing

/// Building where Debian's node-d3 is not installed: it is said, and the rest is built.
struct WithoutChartsTests {
    private let folder = NSTemporaryDirectory() + "spd-build-" + UUID().uuidString.prefix(8)

    private func run(_ arguments: [String], environment: [String: String]? = nil) throws -> (code: Int32, text: String)
    {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        if let environment { process.environment = environment }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    @Test func thePageIsCompiledWithoutThePackageAndSaysSo() throws {
        let source = Checkout.path + "/Sources/System/CDashboard"
        let (code, text) = try run([
            "clang", "-c", source + "/page.c", "-I", source + "/include", "-o", "/dev/null",
            "-DSPD_CHARTS=\"/nowhere/d3.min.js\"",
        ])
        #expect(code == 0 && text.contains("node-d3"), "\(text)")
    }

    @Test(arguments: [("node-d3", 0), ("libpng-dev", 1)])
    func onlyWhatABuildNeedsStopsWhoeverMayNotInstall(missing: String, code: Int32) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, script) in [
            "dpkg-query": "case \"$*\" in *\(missing)*) exit 1 ;; *) printf installed ;; esac", "id": "echo 1000",
            "sudo": "exit 1",
        ] {
            let file = folder + "/" + name
            try "#!/bin/sh\n\(script)\n".write(toFile: file, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
        }
        let answer = try run(
            [Checkout.path + "/scripts/install-packages", "build"], environment: ["PATH": folder + ":/usr/bin:/bin"])
        #expect(answer.code == code && answer.text.contains(missing), "\(answer.text)")
    }
}
