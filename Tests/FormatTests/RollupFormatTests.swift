import Blocks
import Model
import Platform
import TestSupport
import Testing

/// Fixtures/format-v1/rollup.bin opens for ever, and the same windows still make the same bytes.
@Suite struct RollupFormatTests {
  static let fixture = "format-v1/rollup.bin"
  static let identity = RollupIdentity(
    partition: PartitionID(3),
    tenant: TenantID(1),
    unit: .hour,
    span: 692,
    revision: 5,
    until: 20_784
  )
  static let hour: Int64 = 3_600_000_000_000
  /// The second and third hours of the file's first day.
  static let numbers: [Int64] = [498_241, 498_242]

  static func window(_ index: Int, _ sum: WindowSum, _ cells: [Cell]) -> Window {
    Window(
      count: UInt64(60 - index),
      sum: sum,
      min: cells[0],
      max: cells[1],
      first: cells[2],
      last: cells[3],
      firstTimestamp: numbers[index] * hour + 1_000_000_000,
      lastTimestamp: numbers[index] * hour + 3_541_000_000_000
    )
  }

  static let columns: [RollupColumn] = {
    let floats = [1.5, 9.25, 2.5, 3.75].map(\.bitPattern)
    let integers = [-3, 7, 0, 5].map { UInt64(bitPattern: Int64($0)) }
    var strings = StringArena()
    let texts = ["up", "down"].compactMap { strings.append(Array($0.utf8)) }
    return [
      RollupColumn(
        field: FieldID(4),
        type: .float,
        numbers: numbers,
        windows: [0, 1].map { window($0, WindowSum(float: 150.5), floats) }
      ),
      RollupColumn(
        field: FieldID(6),
        type: .integer,
        numbers: numbers,
        windows: [0, 1].map { window($0, WindowSum(integer: -1 << 70), integers) }
      ),
      RollupColumn(
        field: FieldID(7),
        type: .string,
        numbers: numbers,
        windows: [0, 1].map { window($0, .zero, [0, 0, texts[0], texts[1]]) },
        strings: strings
      ),
    ]
  }()

  static let definitions = BlockDefinitions(
    tenant: TenantID(1),
    tenantName: Array("acme".utf8),
    fields: [
      FieldDefinition(
        id: FieldID(4),
        measurement: MeasurementID(6),
        name: Array("load".utf8),
        type: .float
      )
    ],
    series: [
      SeriesDefinition(
        id: SeriesID(17),
        tenant: TenantID(1),
        measurement: MeasurementID(6),
        measurementName: Array("node".utf8),
        tags: []
      )
    ]
  )

  static func written(on disk: FaultyDisk) throws -> String {
    try disk.createDirectory("/rollups")
    let writer = try RollupWriter(disk: disk, directory: "/rollups", identity: identity)
    try writer.append(columns, of: SeriesID(17))
    return "/rollups/" + (try writer.finish(definitions: definitions)).fileName
  }

  @Test func writerStillWritesTheFixture() throws {
    let disk = FaultyDisk(seed: 1)
    let bytes = try disk.read(Self.written(on: disk), byteCountMax: 1 << 20)
    #expect(try Fixtures.matches(Self.fixture, bytes))
  }

  @Test func fixtureStillHoldsTheWindows() throws {
    let disk = FaultyDisk(seed: 1)
    try disk.replace("/file", with: Fixtures.bytes(Self.fixture))
    let reader = try RollupReader.open(disk: disk, path: "/file")
    #expect(reader.identity == Self.identity)
    #expect(reader.identity.fileName == "1h-692-1-5.rollup")
    #expect(reader.check().isEmpty)
    let entries = try reader.entries(of: SeriesID(17))
    #expect(entries.count == 1)
    let found = try reader.read(entries[0])
    #expect(found.map(\.field) == Self.columns.map(\.field))
    for (column, expected) in zip(found, Self.columns) {
      #expect(column.type == expected.type)
      #expect(column.numbers == expected.numbers)
      guard column.type != .string else {
        let texts = column.windows.map { [$0.first, $0.last].map { column.strings.slice($0) } }
        #expect(texts == [["up", "down"], ["up", "down"]].map { $0.map { Array($0.utf8)[...] } })
        continue
      }
      #expect(column.windows == expected.windows)
    }
    #expect(try reader.definitions() == Self.definitions)
  }

  @Test func pageShowsTheFixture() throws {
    let bytes = try Fixtures.bytes(Self.fixture)
    let page = try FormatPage("rollup.md")
    #expect(page.shows(bytes), "\(FormatPage.rows(bytes).joined(separator: "\n"))")
  }

  @Test func onlyWhatIsAskedForIsDecoded() throws {
    let disk = FaultyDisk(seed: 1)
    let reader = try RollupReader.open(disk: disk, path: Self.written(on: disk))
    let entry = try reader.entries(of: SeriesID(17), fields: [FieldID(6)])[0]
    let found = try reader.read(entry, fields: [FieldID(6)], parts: [.min])
    #expect(found.map(\.field) == [FieldID(6)])
    #expect(found[0].windows.map(\.min) == Self.columns[1].windows.map(\.min))
    #expect(found[0].windows.allSatisfy { $0.max == 0 && $0.sum == .zero })
    #expect(try reader.entries(of: SeriesID(18)).isEmpty)
    #expect(try reader.entries(of: SeriesID(17), fields: [FieldID(9)]).isEmpty)
  }

  @Test func everyFlippedBitIsFoundAndNoneTraps() throws {
    let disk = FaultyDisk(seed: 1)
    let bytes = try disk.read(Self.written(on: disk), byteCountMax: 1 << 20)
    for position in bytes.indices {
      var damaged = bytes
      damaged[position] ^= 1 << UInt8(position % 8)
      try disk.replace("/file", with: damaged)
      do throws(BlockError) {
        let reader = try RollupReader.open(disk: disk, path: "/file")
        #expect(!reader.check().isEmpty, "byte \(position)")
      } catch {
        #expect(position < 48, "byte \(position): \(error.text)")
      }
    }
  }

  @Test func everyCutIsFoundAndKeepsTheGroupsBeforeIt() throws {
    let disk = FaultyDisk(seed: 1)
    let bytes = try disk.read(Self.written(on: disk), byteCountMax: 1 << 20)
    for count in bytes.indices {
      try disk.replace("/file", with: Array(bytes[..<count]))
      do throws(BlockError) {
        let reader = try RollupReader.open(disk: disk, path: "/file")
        #expect(!reader.check().isEmpty, "\(count) bytes")
      } catch {
        #expect(count < 48, "\(count) bytes: \(error.text)")
      }
    }
  }

  // MARK: The manifest's section

  static let manifest: Manifest = {
    var manifest = ManifestFormatTests.manifest
    manifest.rollups.revision = 5
    manifest.rollups.coverage = [
      .minute: .init(from: 20_700, until: 20_784), .hour: .init(from: 0, until: 20_784),
    ]
    manifest.rollups.files = [
      RollupFile(identity: identity, byteCount: 1_234, windowCount: 6)
    ]
    manifest.rollups.changed = [20_780: 4, 20_783: 5]
    manifest.rollups.rawFrom = [MeasurementID(6): 20_777]
    return manifest
  }()

  @Test func aManifestWithRollupsOpensForEver() throws {
    let fixture = "format-v1/manifest-rollups.bin"
    #expect(try Fixtures.matches(fixture, Self.manifest.encoded()))
    let bytes = try Fixtures.bytes(fixture)
    #expect(try Manifest(bytes.span) == Self.manifest)
  }
}
