import Blocks
import Model
import Testing

/// What has left a partition, as its manifest tells of it.
struct RemovalsTests {
  private let key = Removals.Key(tenant: TenantID(3), measurement: MeasurementID(7), cause: .age)

  private func manifest() -> Manifest {
    var manifest = Manifest(partition: PartitionID(1), nextOffset: Offset(40))
    manifest.removals.add(.init(tenant: TenantID(3), a: Offset(0), b: Offset(16)))
    manifest.removals.add(.init(tenant: TenantID(0), a: Offset(8), b: Offset(16)))
    manifest.removals.add([key: 12])
    return manifest
  }

  @Test func rangesThatTouchBecomeOne() {
    var removals = Removals()
    for (a, b) in [(32, 40), (0, 8), (16, 32), (8, 16)] as [(UInt64, UInt64)] {
      removals.add(.init(tenant: TenantID(1), a: Offset(a), b: Offset(b)))
    }
    #expect(removals.ranges == [.init(tenant: TenantID(1), a: Offset(0), b: Offset(40))])
    #expect(removals.covers(Offset(4), Offset(40), of: TenantID(1)))
    #expect(!removals.covers(Offset(4), Offset(41), of: TenantID(1)))
    #expect(!removals.covers(Offset(4), Offset(8), of: TenantID(2)))
  }

  private func check(_ manifest: Manifest) throws {
    let bytes = manifest.encoded()
    let found = try Manifest(bytes.span)
    #expect(found == manifest)
  }

  @Test func aManifestTellsThemBack() throws {
    var manifest = manifest()
    manifest.removals.add([key: 30, .init(tenant: TenantID(0), measurement: nil, cause: .bytes): 1])
    try check(manifest)
    #expect(manifest.removals.counts[key] == 42)
    manifest.catalogVersion = 9
    try check(manifest)
  }

  @Test func everyCutAndEveryBitIsNoticed() throws {
    let bytes = manifest().encoded()
    for count in bytes.indices {
      let cut = Array(bytes[..<count])
      #expect(throws: BlockError.self) { try Manifest(cut.span) }
    }
    for bit in 0..<8 * bytes.count {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: BlockError.self) { try Manifest(damaged.span) }
    }
  }

  @Test func aBlockThatIsGoneIsALeftoverOfItsTenantOnly() {
    let removals = manifest().removals
    #expect(removals.covers(Offset(8), Offset(12), of: TenantID(0)))
    #expect(!removals.covers(Offset(0), Offset(12), of: TenantID(0)))
  }
}
