import Blocks
import Bytes
import Model
import Platform
import TestSupport
import Testing

/// Goal: bytes whose checksums hold and whose contents are nonsense trap nowhere either.
/// Method: change bits of a sound file and mend every checksum over them.
@Suite struct CraftedBytesTests {
  @Test func groupsWithMendedChecksumsNeverTrap() throws {
    let disk = FaultyDisk()
    let groups = BlockSample.groups(seriesCount: 2, seed: 4, rowCountMax: 6)
    let summary = try BlockSample.write(groups, to: disk)
    let path = Path.join(BlockSample.directory, summary.fileName)
    let whole = try #require(disk.files[path])
    let entries = try BlockReader.open(disk: disk, path: path).entries()
    var refused = 0
    for entry in entries {
      for bit in 0..<entry.byteCount * 8 {
        disk.damage(path) { bytes in
          bytes = whole
          let start = entry.offset
          bytes[start + bit / 8] ^= 1 << UInt8(bit % 8)
          let body = bytes[start + 36..<start + entry.byteCount]
          mend(&bytes, at: start + 28, CRC32C.checksum(Array(body)))
          mend(&bytes, at: start + 32, CRC32C.checksum(Array(bytes[start..<start + 32])))
        }
        let reader = try BlockReader.open(disk: disk, path: path)
        do throws(BlockError) { _ = try reader.all(entry) } catch { refused += 1 }
        guard bit % 5 == 0 else { continue }
        _ = BlockChecker.check(disk: disk, path: path)
        // The way without an index reads the same bytes.
        disk.damage(path) { $0.removeLast(10) }
        let scanned = try BlockReader.open(disk: disk, path: path)
        for found in try scanned.entries() { _ = try? scanned.all(found) }
      }
    }
    #expect(refused > 100)
  }

  @Test func footersWithMendedChecksumsNeverTrap() throws {
    let disk = FaultyDisk()
    let groups = BlockSample.groups(seriesCount: 40, seed: 4, rowCountMax: 2)
    let summary = try BlockSample.write(groups, to: disk)
    let path = Path.join(BlockSample.directory, summary.fileName)
    let whole = try #require(disk.files[path])
    let trailer = whole.count - 32
    let start = Int(integer(whole, at: trailer + 16))
    let payload = start + 24..<trailer
    for bit in payload.lowerBound * 8..<payload.upperBound * 8 {
      disk.damage(path) { bytes in
        bytes = whole.flipping(bit: bit)
        // The identity inside the summary has a checksum of its own.
        let identity = payload.lowerBound..<payload.lowerBound + 60
        mend(&bytes, at: identity.upperBound, CRC32C.checksum(Array(bytes[identity])))
        mend(&bytes, at: start + 16, CRC32C.checksum(Array(bytes[payload])))
        mend(&bytes, at: start + 20, CRC32C.checksum(Array(bytes[start..<start + 20])))
      }
      let reader = try BlockReader.open(disk: disk, path: path)
      var found = 0
      for series in Set(groups.prefix(30).map(\.series)) {
        for entry in (try? reader.groups(series: series)) ?? [] {
          if (try? reader.all(entry)) != nil { found += 1 }
        }
      }
      _ = try? reader.definitions()
      #expect(found <= groups.count)
      if bit % 5 == 0 { _ = BlockChecker.check(disk: disk, path: path, expected: summary) }
    }
  }

  @Test(arguments: UInt64(1)...500)
  func definitionsOfAnyBytesNeverTrap(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let groups = BlockSample.groups(seriesCount: 4, seed: 4)
    let sound = BlockSample.definitions(of: groups)
    var bytes = sound.encoded()
    #expect(try BlockDefinitions.decode(bytes) == sound)
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8(
        truncatingIfNeeded: random.next()
      )
    }
    if let read = try? BlockDefinitions.decode(bytes) { #expect(read.series.count < 1_000) }
    let cut = Int.random(in: 0..<bytes.count, using: &random)
    _ = try? BlockDefinitions.decode(Array(bytes[..<cut]))
    _ = try? BlockDefinitions.decode(random.bytes(cut))
  }

  @Test func definitionsKeepNamesOfAnyKind() throws {
    var definitions = BlockDefinitions(tenant: TenantID(.max), tenantName: [])
    definitions.series = [UInt32(0), 1, .max].map { id in
      SeriesDefinition(
        id: SeriesID(id),
        tenant: TenantID(.max),
        measurement: MeasurementID(.max),
        measurementName: Array(repeating: 0xff, count: 65_535),
        tags: id == 1 ? [] : [Tag(key: [0], value: [1, 2]), Tag(key: [7], value: [0])]
      )
    }
    definitions.fields = [
      FieldDefinition(
        id: FieldID(.max),
        measurement: MeasurementID(.max),
        name: [0, 0],
        type: .string
      )
    ]
    definitions.fieldSets = [
      .init(
        id: FieldSetID(.max),
        measurement: MeasurementID(.max),
        fields: [FieldID(0), FieldID(1), FieldID(.max)]
      )
    ]
    #expect(try BlockDefinitions.decode(definitions.encoded()) == definitions)
    #expect(definitions.definition(of: SeriesID(.max))?.tags.count == 2)
    #expect(definitions.definition(of: SeriesID(2)) == nil)
  }

  @Test(arguments: UInt64(1)...500)
  func manifestsWithMendedChecksumsNeverTrap(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let disk = FaultyDisk()
    var bytes = try ManifestTests.populate(disk, cutCount: 2).encoded()
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      bytes[Int.random(in: 20..<bytes.count, using: &random)] = UInt8(
        truncatingIfNeeded: random.next()
      )
    }
    if random.oneIn(3) { bytes.removeLast(Int.random(in: 1...bytes.count - 20, using: &random)) }
    let byteCount = UInt32(bytes.count - 20)
    mend(&bytes, at: 8, byteCount)
    mend(&bytes, at: 12, CRC32C.checksum(Array(bytes[20...])))
    mend(&bytes, at: 16, CRC32C.checksum(Array(bytes[..<16])))
    if let manifest = try? ManifestTests.decode(bytes) {
      #expect(manifest.partition == ManifestTests.partition)
    }
  }

  private func integer(_ bytes: [UInt8], at offset: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
  }
}

/// Overwrites a little-endian number.
private func mend(_ bytes: inout [UInt8], at offset: Int, _ value: UInt32) {
  for index in 0..<4 {
    bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index))
  }
}
