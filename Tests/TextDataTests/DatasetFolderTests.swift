import Foundation
import TestFiles
import Testing
import TextData

/// Which files of a folder belong to which split.
struct DatasetFolderTests {
    private func inFolder<Result>(
        of files: [String], _ body: (DatasetFolder) throws -> Result
    ) throws -> Result {
        try TemporaryFolder.with { folder in
            for file in files {
                let url = URL(filePath: folder(file))
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data("a\n".utf8).write(to: url)
            }
            return try body(DatasetFolder(path: folder.path))
        }
    }

    private func names(_ files: [DatasetFile], in folder: DatasetFolder) -> [String] {
        files.map { String($0.path.dropFirst(folder.path.count + 1)) }
    }

    @Test func aSplitsNameIsAWordOfThePath() throws {
        let files = [
            "data/train-00001-of-00002.parquet", "data/train-00000-of-00002.parquet", "data/valid-00000.parquet",
            "strained.parquet", "README.md", "dataset_info.json",
        ]
        try inFolder(of: files) { (folder: DatasetFolder) throws in
            #expect(folder.splits == ["train", "validation"])
            #expect(
                try names(folder.files(of: "train"), in: folder) == [
                    "data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet",
                ])
            #expect(try names(folder.files(of: "validation"), in: folder) == ["data/valid-00000.parquet"])
            let error = #expect(throws: TextDataError.self) { try folder.files(of: "test") }
            #expect(error?.reason == "has no split 'test'; it has 'train', 'validation'")
        }
    }

    @Test func savedFoldersAreReadWithoutTheirMetadataAndCaches() throws {
        let files = [
            "train/data-00000-of-00001.arrow", "train/state.json", "train/dataset_info.json",
            "train/cache-0123.arrow", "test/data-00000-of-00001.arrow", "dataset_dict.json",
        ]
        try inFolder(of: files) { (folder: DatasetFolder) throws in
            #expect(try names(folder.files(of: "train"), in: folder) == ["train/data-00000-of-00001.arrow"])
            #expect(try names(folder.files(of: "test"), in: folder) == ["test/data-00000-of-00001.arrow"])
        }
    }

    @Test func filesWithoutASplitsNameAreToTrainOn() throws {
        try inFolder(of: ["stories.txt"]) { (folder: DatasetFolder) throws in
            #expect(try names(folder.files(of: "train"), in: folder) == ["stories.txt"])
            let error = #expect(throws: TextDataError.self) { try folder.files(of: "test") }
            #expect(error?.reason == "has no split 'test'; it has 'train'")
        }
    }

    @Test func theSameRowsInTwoFormatsAreReadOnce() throws {
        try inFolder(of: ["train.jsonl.gz", "train.parquet"]) { (folder: DatasetFolder) throws in
            #expect(try names(folder.files(of: "train"), in: folder) == ["train.parquet"])
        }
    }

    @Test func aSplitWhoseFilesAreNotAllThereIsRefused() throws {
        try inFolder(of: ["train-00000-of-00002.parquet"]) { (folder: DatasetFolder) throws in
            let error = #expect(throws: TextDataError.self) { try folder.files(of: "train") }
            #expect(error?.reason == "holds only 1 of the 2 files of the split 'train'")
        }
    }

    @Test func slicesAreRefusedAsSuch() throws {
        try inFolder(of: ["train.txt"]) { (folder: DatasetFolder) throws in
            let error = #expect(throws: TextDataError.self) { try folder.files(of: "train[:1000]") }
            #expect(error?.reason.hasPrefix("slices of a split such as 'train[:1000]'") == true)
        }
    }
}
