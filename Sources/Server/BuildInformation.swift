/// What this binary is, for `/metrics`, `/health`, `/ping` and `varve --version`.
public enum BuildInformation {
  public static let name = "varve"
  public static let version = "0.1.0"
}
