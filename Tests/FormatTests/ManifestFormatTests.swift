import Blocks
import Model
import TestSupport
import Testing

/// Fixtures/format-v1/manifest.bin opens for ever, and the same manifest still makes the same
/// bytes.
@Suite struct ManifestFormatTests {
  static let fixture = "format-v1/manifest.bin"

  static let manifest = Manifest(
    partition: PartitionID(3),
    cut: 5,
    epoch: Epoch(2),
    nextOffset: Offset(32),
    blocks: [
      BlockSummary(
        identity: BlockFormatTests.identity,
        byteCount: 3_210,
        groupCount: 4,
        rowCount: 69,
        pointCount: 409,
        firstTimestamp: 1_795_373_310_000_000_000,
        lastTimestamp: 1_795_373_399_000_000_000
      )
    ],
    ringProgress: [
      RingProgress(hour: 498_714, byteCount: 65_536),
      RingProgress(hour: 498_715, byteCount: 12_288),
    ],
    ledger: BlockFormatTests.ledger
  )

  @Test func writerStillWritesTheFixture() throws {
    #expect(try Fixtures.matches(Self.fixture, Self.manifest.encoded()))
  }

  @Test func fixtureStillHoldsTheManifest() throws {
    let bytes = try Fixtures.bytes(Self.fixture)
    let manifest = try Manifest(bytes.span)
    #expect(manifest == Self.manifest)
  }

  @Test func pageShowsTheFixture() throws {
    let bytes = try Fixtures.bytes(Self.fixture)
    let page = try FormatPage("manifest.md")
    #expect(page.shows(bytes), "\(FormatPage.rows(bytes).joined(separator: "\n"))")
  }

  // MARK: Removals

  static let removed: Manifest = {
    var manifest = ManifestFormatTests.manifest
    manifest.removals.add(.init(tenant: TenantID(1), a: Offset(0), b: Offset(16)))
    manifest.removals.add([
      .init(tenant: TenantID(1), measurement: MeasurementID(6), cause: .age): 4_000,
      .init(tenant: TenantID(1), measurement: nil, cause: .bytes): 12,
    ])
    return manifest
  }()

  @Test func aManifestWithRemovalsOpensForEver() throws {
    let fixture = "format-v1/manifest-removals.bin"
    #expect(try Fixtures.matches(fixture, Self.removed.encoded()))
    let bytes = try Fixtures.bytes(fixture)
    let manifest = try Manifest(bytes.span)
    #expect(manifest == Self.removed)
  }

  // MARK: Deletes

  static let deleting: Manifest = {
    var manifest = ManifestFormatTests.removed
    let record = DeleteRecord(
      range: TimeRange(start: 1_795_373_310_000_000_000, end: 1_795_373_320_000_000_000),
      series: [SeriesID(4), SeriesID(9)]
    )
    manifest.deletes = [
      BlockDelete(tenant: TenantID(1), offset: Offset(32), record: record, pending: [Offset(16)])
    ]
    manifest.rollups.coverage = [.hour: .init(from: 0, until: 20_780)]
    manifest.rollups.changed = [20_778: 5]
    manifest.rollups.deletes = [RollupDelete(tenant: TenantID(1), record: record)]
    return manifest
  }()

  @Test func aManifestWithDeletesOpensForEver() throws {
    let fixture = "format-v1/manifest-deletes.bin"
    #expect(try Fixtures.matches(fixture, Self.deleting.encoded()))
    let bytes = try Fixtures.bytes(fixture)
    let manifest = try Manifest(bytes.span)
    #expect(manifest == Self.deleting)
    for count in bytes.indices {
      let cut = Array(bytes[..<count])
      #expect(throws: BlockError.self) { try Manifest(cut.span) }
    }
    for bit in 0..<8 * bytes.count {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: BlockError.self) { try Manifest(flipped.span) }
    }
  }
}
