/// As much of the engine as the JSON translator asks for.
public struct RefusedItem {
  public var text: [UInt8]
  public var column: Int
  public var message: String

  public init(text: [UInt8], column: Int, message: String) {
    self.text = text
    self.column = column
    self.message = message
  }
}
