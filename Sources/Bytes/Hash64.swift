/// The stable 64-bit hash of the formats: FNV-1a, finished with the 64-bit mixer of MurmurHash3.
///
/// Decides the partition of a series (docs/format/batch.md), so it never changes. Not keyed, hence
/// not for tables whose keys an attacker chooses without a bound on the table.
public enum Hash64 {
  /// The hash of `bytes`.
  public static func hash(_ bytes: Span<UInt8>) -> UInt64 {
    var state: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in bytes.indices { state = (state ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01b3 }
    return mix(state)
  }

  /// Spreads every input bit over all output bits.
  @inlinable
  public static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value
    mixed = (mixed ^ (mixed >> 33)) &* 0xff51_afd7_ed55_8ccd
    mixed = (mixed ^ (mixed >> 33)) &* 0xc4ce_b9fe_1a85_ec53
    return mixed ^ (mixed >> 33)
  }
}
