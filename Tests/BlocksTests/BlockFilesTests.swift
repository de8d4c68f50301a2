import Blocks
import Model
import Platform
import TestSupport
import Testing

/// Goal: any number of blocks reads with a bounded number of open files.
@Suite struct BlockFilesTests {
  private func blocks(
    _ disk: FaultyDisk,
    _ files: BlockFiles,
    count: Int
  ) throws -> [BlockReader] {
    let manifest = try ManifestTests.populate(disk, cutCount: count, seed: 3)
    let store = ManifestTests.store(disk)
    return try manifest.blocks.map { try BlockReader.open(files, path: store.path(of: $0)) }
  }

  @Test func allBlocksReadThroughAFewDescriptors() throws {
    let disk = FaultyDisk()
    let files = BlockFiles(disk: disk, openCountMax: 3)
    let readers = try blocks(disk, files, count: 20)
    #expect(readers.count >= 20)
    for _ in 0..<2 {
      for reader in readers {
        let direct = try BlockReader.open(disk: disk, path: reader.path)
        for entry in try reader.entries() {
          let (found, expected) = (try reader.all(entry), try direct.all(entry))
          #expect(found.timestamps == expected.timestamps)
          #expect(found.columns.map(\.cells) == expected.columns.map(\.cells))
        }
        #expect(files.openCount <= 3)
      }
    }
  }

  @Test func aReaderThatGoesClosesItsFile() throws {
    let disk = FaultyDisk()
    let files = BlockFiles(disk: disk, openCountMax: 100)
    var readers = try blocks(disk, files, count: 5)
    #expect(files.openCount == readers.count)
    readers.removeLast()
    #expect(files.openCount == readers.count)
    readers = []
    #expect(files.openCount == 0)
  }

  @Test func withoutADescriptorOthersGiveWayAndThenTheSystemsErrorIsTold() throws {
    let disk = FaultyDisk()
    let files = BlockFiles(disk: disk, openCountMax: 2)
    let readers = try blocks(disk, files, count: 6)
    let emfile: Int32 = 24
    for reader in readers { _ = try reader.entries() }
    // The first one was closed long ago. One refusal is got around by closing the others.
    disk.fail(.open, times: 1, code: emfile)
    #expect(try readers[0].entries().count == readers[0].summary.groupCount)
    for reader in readers { _ = try reader.entries() }
    disk.fail(.open, times: 2, code: emfile)
    do throws(BlockError) {
      _ = try readers[0].entries()
      Issue.record("nothing was refused")
    } catch {
      #expect(error.isRefusal)
    }
    #expect(try readers[0].entries().count == readers[0].summary.groupCount)
  }
}
